// element_op.h: the operations of chain.h on each element by itself, as equations. The arithmetic is in
// kernels/vector_math.h, kernels/element.h.
#pragma once

namespace pyconv {

// dst of x, and for the last of them of another number y, too. NaN goes through all of them.
enum class ElementOp {
  relu,          // max(x, 0)
  leaky_relu,    // x, or alpha * x where x is negative
  clip,          // min(max(x, alpha), beta)
  abs,           // |x|
  neg,           // -x
  square,        // x * x
  sqrt,          // the root, NaN of negative numbers
  rsqrt,         // 1 / sqrt(x)
  exp,           // e^x
  log,           // the natural logarithm, -inf of 0, NaN of negative numbers
  erf,           // the error function
  tanh,          // the hyperbolic tangent
  sigmoid,       // 1 / (1 + e^-x)
  silu,          // x * sigmoid(x)
  hard_sigmoid,  // min(max(alpha * x + beta, 0), 1)
  hard_silu,     // x * min(max(x / 6 + 1/2, 0), 1)
  gelu,          // x * (1 + erf(x / sqrt(2))) / 2
  gelu_tanh,     // x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2
  elu,           // beta * x, or beta * alpha * (e^x - 1) where x is negative
  softplus,      // log(1 + e^x)
  softsign,      // x / (1 + |x|)
  mish,          // x * tanh(softplus(x))
  add,           // x + y
  sub,           // x - y
  rsub,          // y - x
  mul,           // x * y
  div,           // x / y
  rdiv,          // y / x
  max,           // the larger, NaN if one is NaN
  min,           // the smaller, NaN if one is NaN
};

constexpr bool is_binary(ElementOp op) { return op >= ElementOp::add; }

}  // namespace pyconv
