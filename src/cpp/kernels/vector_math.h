// vector_math.h: exp, log, erf and their relatives on vectors. No table look-ups, no branches: every lane takes the
// same road, and what it may not be is chosen away at the end.
//
// Errors, in units in the last place of the result against float64 (of float32) or 40 digits (of float64), are below
//
//   exp expm1 log 2      tanh sigmoid erf log(1 + exp) 3      mish 5      gelu 10, where it is far below 1
//
// tests/test_chain.py measures them. Subnormal arguments and results are those of the function, infinities its limits.
//
// Polynomials are minimax, found by Remez' exchange in 50 digits, and good to an eighth of a unit.
#pragma once

#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T>
constexpr bool kIsFloat = sizeof(T) == sizeof(float);

// What float and double differ in.
template <class T>
struct Format;
template <>
struct Format<float> {
  using Word = uint32_t;
  static constexpr int mantissa = 23;
  static constexpr float least_normal = 0x1p-126f, whole = 0x1p23f, bias = 127;
  static constexpr float round = 0x1.8p23f;  // x + round - round is the whole number next to x, for |x| < 2^22
  static constexpr float ln2_high = 0x1.63p-1f, ln2_low = -0x1.bd0106p-13f;  // the first has few digits
  static constexpr float exp_least = -104, exp_most = 89;                    // beyond lie 0 and infinity
  static constexpr float one_at = 10;                                        // tanh is 1 from here on
  static constexpr float erfc_zero = 10.1f;                                  // erfc is 0 from here on
};
template <>
struct Format<double> {
  using Word = uint64_t;
  static constexpr int mantissa = 52;
  static constexpr double least_normal = 0x1p-1022, whole = 0x1p52, bias = 1023;
  static constexpr double round = 0x1.8p52;
  static constexpr double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
  static constexpr double exp_least = -746, exp_most = 710;
  static constexpr double one_at = 20;
  static constexpr double erfc_zero = 27.3;
};

template <class T>
struct BitsOf {
  typedef typename Format<T>::Word type __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using Bits = typename BitsOf<T>::type;

template <class T>
Bits<T> bits(Vec<T> x) {
  return reinterpret_cast<Bits<T>>(x);
}

template <class T>
Vec<T> from_bits(Bits<T> x) {
  return reinterpret_cast<Vec<T>>(x);
}

template <class T>
Bits<T> bits_of(T x) {
  return bits<T>(broadcast(x));
}

template <class T>
Vec<T> absolute(Vec<T> x) {
  return from_bits<T>(bits<T>(x) & ~bits_of<T>(T{-0.0}));
}

// |x| with the sign of y
template <class T>
Vec<T> with_sign(Vec<T> x, Vec<T> y) {
  return from_bits<T>(bits<T>(absolute<T>(x)) | (bits<T>(y) & bits_of<T>(T{-0.0})));
}

// Horner's rule, c[0] + c[1] x + c[2] x^2 + ...
template <class T, int N>
Vec<T> polynomial(const T (&c)[N], Vec<T> x) {
  Vec<T> y = broadcast(c[N - 1]);
#pragma GCC unroll 32
  for (int i = N - 2; i >= 0; --i) y = y * x + c[i];
  return y;
}

template <class T>
Vec<T> nearest_whole(Vec<T> x) {
  return (x + Format<T>::round) - Format<T>::round;
}

// 2^n of whole numbers n within the exponents of normal numbers: n + round holds n in its last bits.
template <class T>
Vec<T> power_of_two(Vec<T> n) {
  return from_bits<T>((bits<T>(n + Format<T>::round) << Format<T>::mantissa) + bits_of<T>(T{1}));
}

// x * 2^n, also where 2^n is no normal number.
template <class T>
Vec<T> scale(Vec<T> x, Vec<T> n) {
#if defined(__AVX512F__)  // masked, for gcc 12 warns of the plain ones
  if constexpr (kIsFloat<T>)
    return _mm512_maskz_scalef_ps(0xffff, x, n);
  else
    return _mm512_maskz_scalef_pd(0xff, x, n);
#else
  const Vec<T> half = nearest_whole<T>(n * T{0.5});
  return x * power_of_two<T>(half) * power_of_two<T>(n - half);
#endif
}

// (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2
Vec<float> exp_tail(Vec<float> r) {
  static constexpr float c[] = {0.5000000096306947f, 0.16666518303494371f, 0.041666202438442037f, 0.00836895388003079f,
                                0.0013950701730265815f};
  return polynomial(c, r);
}
Vec<double> exp_tail(Vec<double> r) {
  static constexpr double c[] = {0.500000000000001286,     0.166666666666666994,   0.0416666666665143289,
                                 0.00833333333330695803,   0.00138888889473307424, 0.000198412699179220578,
                                 0.0000248014895903911884, 2.75572158216022553e-6, 2.76314140057402071e-7,
                                 2.51180117487264559e-8};
  return polynomial(c, r);
}

// x = n ln(2) + r with |r| <= ln(2) / 2. ln(2) in two parts, n times the first without an error.
template <class T>
struct Reduced {
  explicit Reduced(Vec<T> x)
      : n(nearest_whole<T>(x * T(1.4426950408889634))), r((x - n * Format<T>::ln2_high) - n * Format<T>::ln2_low) {}
  Vec<T> n, r;
};

template <class T>
Vec<T> exp_of_reduced(Vec<T> n, Vec<T> r) {
  return scale<T>((exp_tail(r) * (r * r) + r) + T{1}, n);
}

template <class T>
Vec<T> exp(Vec<T> x) {
  const Reduced<T> at(at_most<T>(at_least<T>(x, Format<T>::exp_least), Format<T>::exp_most));
  return exp_of_reduced<T>(at.n, at.r);
}

// e^(x + more) for x <= 0, where more is small beside 1: digits that x has no room for.
template <class T>
Vec<T> exp_of_negative(Vec<T> x, Vec<T> more) {
  const Reduced<T> at(at_least<T>(x, Format<T>::exp_least));
  return exp_of_reduced<T>(at.n, at.r + more);
}

// e^-|x|: no power overflows.
template <class T>
Vec<T> decay(Vec<T> x) {
  const Reduced<T> at(at_least<T>(-absolute<T>(x), Format<T>::exp_least));
  return exp_of_reduced<T>(at.n, at.r);
}

// e^x - 1 for |x| <= 40, where all powers are normal numbers.
template <class T>
Vec<T> expm1(Vec<T> x) {
  const Reduced<T> at(x);
  const Vec<T> power = power_of_two<T>(at.n);
  return (exp_tail(at.r) * (at.r * at.r) + at.r) * power + (power - T{1});
}

// (log((1 + s) / (1 - s)) - 2 s) / s^3 of z = s^2, for |s| <= (sqrt(2) - 1) / (sqrt(2) + 1)
Vec<float> log_tail(Vec<float> z) {
  static constexpr float c[] = {0.666667767114896126f, 0.399774961833172196f, 0.29873059679922562f};
  return polynomial(c, z);
}
Vec<double> log_tail(Vec<double> z) {
  static constexpr double c[] = {0.666666666666673489, 0.399999999994111135, 0.285714287432592994, 0.222221984762246127,
                                 0.181835697325522452, 0.153139033094950167, 0.147975082175551862};
  return polynomial(c, z);
}

// log(x) of normal positive numbers x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2):
// log(1 + f) = f - (f^2 / 2 - s (f^2 / 2 + s^2 log_tail)) with s = f / (2 + f).
template <class T>
Vec<T> log_of_normal(Vec<T> x) {
  using Word = typename Format<T>::Word;
  constexpr int mantissa = Format<T>::mantissa;
  const Bits<T> least = bits_of<T>(T(0.70710678118654752));
  const Bits<T> shifted = bits<T>(x) + (bits_of<T>(T{1}) - least);
  // The exponent and its bias, as the last digits of 2^mantissa.
  const Vec<T> e =
      from_bits<T>((shifted >> mantissa) | bits_of<T>(Format<T>::whole)) - (Format<T>::whole + Format<T>::bias);
  const Vec<T> f = from_bits<T>((shifted & ((Word{1} << mantissa) - 1)) + least) - T{1};
  const Vec<T> s = f / (f + T{2}), z = s * s, half = f * f * T{0.5};
  return e * Format<T>::ln2_high - ((half - (s * (half + z * log_tail(z)) + e * Format<T>::ln2_low)) - f);
}

// -inf of zeros, NaN of negative numbers.
template <class T>
Vec<T> log(Vec<T> x) {
  const T infinity = static_cast<T>(__builtin_inf()), nan = static_cast<T>(__builtin_nan(""));
  // Subnormal numbers times 2^mantissa are normal.
  const auto small = x < Format<T>::least_normal;
  const Vec<T> y = log_of_normal<T>(small ? x * Format<T>::whole : x) -
                   (small ? broadcast(Format<T>::mantissa * T(0.69314718055994531)) : Vec<T>{});
  const Vec<T> special = x == T{0} ? broadcast(-infinity) : x < T{0} ? broadcast(nan) : x;
  return (x > T{0}) & (x < infinity) ? y : special;
}

// log(1 + x) for 0 <= x <= 1: what 1 + x loses of x is added again.
template <class T>
Vec<T> log1p(Vec<T> x) {
  const Vec<T> u = x + T{1};
  return log_of_normal<T>(u) + (x - (u - T{1}));
}

template <class T>
Vec<T> tanh(Vec<T> x) {
  const Vec<T> size = absolute<T>(x),
               e = expm1<T>((size > Format<T>::one_at ? broadcast(Format<T>::one_at) : size) * T{2});
  return with_sign<T>(e / (e + T{2}), x);
}

// y sigmoid(x). With powers of negative numbers alone large ones are still exact.
template <class T>
Vec<T> times_sigmoid(Vec<T> y, Vec<T> x) {
  const Vec<T> e = decay<T>(x);
  return (x < T{0} ? y * e : y) / (e + T{1});
}

// e^(x^2) erfc(x) for x >= 0 as a polynomial of (x - k) / (x + k), which lies between -1 and 1. A k at which the fewest
// terms will do.
Vec<float> erfcx(Vec<float> x) {
  static constexpr float c[] = {0.255395675897699563f,    -0.427185866886591471f,    0.24165826182727317f,
                                -0.078978017109543563f,   0.00373169069532801618f,   0.0069925953697476034f,
                                -0.0008408092105284076f,  -0.000963035819105684696f, 0.0000325372426054260075f,
                                0.000138503881736661939f, 0.0000268169927006574486f};
  return polynomial(c, (x - 2.0f) / (x + 2.0f));
}
Vec<double> erfcx(Vec<double> x) {
  static constexpr double c[] = {
      0.136999457625061389,      -0.259068048760171648,    0.218719678918265201,      -0.164257816697308361,
      0.108963177398885849,      -0.0631078156397571179,   0.0312990565191470517,     -0.0128439460310907759,
      0.00406026361833903913,    -0.000799126815613911714, -0.0000217616820992467901, 0.0000789831900393557736,
      -0.0000225562072586363587, -1.90323204296254525e-6,  2.94503861656115414e-6,    -4.08686063654285341e-7,
      -2.85026554138578599e-7,   9.60714793503295709e-8,   2.64813769199020012e-8,    -1.49920810534552748e-8,
      -3.12418133250846209e-9,   1.59661947567324706e-9,   4.44410034219625705e-10};
  return polynomial(c, (x - 4.0) / (x + 4.0));
}

// e^(-scale x^2) for scale 1 or 1/2. A square has twice the digits of its number: those of the upper half, and the
// rest.
template <class T>
Vec<T> exp_of_square(Vec<T> x, T factor) {
  const Vec<T> high = from_bits<T>(bits<T>(x) & ~((typename Format<T>::Word{1} << (Format<T>::mantissa + 2) / 2) - 1));
  return exp_of_negative<T>(high * high * -factor, (x - high) * (x + high) * -factor);
}

// erf(x) / x of z = x^2, for |x| <= 1
Vec<float> erf_over_x(Vec<float> z) {
  static constexpr float c[] = {1.12837916591389935f,     -0.376126271355286262f,  0.112836001691261404f,
                                -0.0268544442371710027f,  0.00518953459338771628f, -0.000802083429867888894f,
                                0.0000788909551047758088f};
  return polynomial(c, z);
}
Vec<double> erf_over_x(Vec<double> z) {
  static constexpr double c[] = {1.12837916709551257,     -0.376126389031837482,     0.112837916709548845,
                                 -0.026866170645077874,   0.00522397762482842958,    -0.000854832698142599634,
                                 0.000120553311329886455, -0.0000149255957733056568, 1.64610085004636251e-6,
                                 -1.63503965049032263e-7, 1.46603308587875479e-8,    -1.13749647741952549e-9,
                                 5.96070173955849938e-11};
  return polynomial(c, z);
}

template <class T>
Vec<T> erf(Vec<T> x) {
  Vec<T> size = absolute<T>(x);
  size = size > Format<T>::erfc_zero ? broadcast(Format<T>::erfc_zero) : size;
  const Vec<T> far = T{1} - exp_of_square<T>(size, 1) * erfcx(size);
  return size < T{1} ? x * erf_over_x(x * x) : with_sign<T>(far, x);
}

// x times the probability that a normal number is below it, erfc(-x / sqrt(2)) / 2.
template <class T>
Vec<T> gelu(Vec<T> x) {
  const T limit = Format<T>::erfc_zero * T(1.4142135623730951);
  Vec<T> size = absolute<T>(x);
  size = size > limit ? broadcast(limit) : size;
  const Vec<T> tail = exp_of_square<T>(size, T{0.5}) * erfcx(size * T(0.70710678118654752)) * T{0.5};
  return x * (x < T{0} ? tail : T{1} - tail);
}

// x tanh(log(1 + e^x)) = x n / (n + 2) with n = w (w + 2), w = e^x; where x is positive over e^(2 x) above and below.
template <class T>
Vec<T> mish(Vec<T> x) {
  const Vec<T> w = decay<T>(x), square = w * w;
  const auto negative = x < T{0};
  const Vec<T> above = negative ? w * (w + T{2}) : w * T{2} + T{1};
  return x * (above / (above + (negative ? broadcast(T{2}) : square * T{2})));
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
