// problem.cpp: the validation of every number a caller may send, and the output sizes that follow.
#include "problem.h"

#include <limits>
#include <stdexcept>

namespace pyconv {
namespace {

// A tensor may take at most this many bytes: a factor 64 below what an int64 counts, so that offsets, padded panels
// and FLOPs of any accepted problem can be computed without overflow checks downstream.
constexpr int64_t kMaxBytes = std::numeric_limits<int64_t>::max() / 64;

constexpr std::array<const char*, kSpatialAxes> kAxisNames = {"depth", "height", "width"};

[[noreturn]] void fail(const std::string& op, const std::string& text) {
  throw std::invalid_argument(op + ": " + text);
}

std::string number(int64_t value) { return std::to_string(value); }

void require_at_least(const std::string& op, const std::string& argument, int64_t value, int64_t minimum) {
  if (value < minimum)
    fail(op, argument + " must be at least " + number(minimum) + ". Received: " + argument + "=" + number(value));
}

// Multiplies and adds, and remembers an overflow instead of wrapping round.
class Size {
 public:
  explicit Size(int64_t value) : value_(value) {}
  Size& operator*=(int64_t factor) {
    overflow_ |= __builtin_mul_overflow(value_, factor, &value_);
    return *this;
  }
  Size& operator+=(int64_t term) {
    overflow_ |= __builtin_add_overflow(value_, term, &value_);
    return *this;
  }
  bool fits(int64_t limit) const { return !overflow_ && value_ <= limit; }
  int64_t value() const { return value_; }

 private:
  int64_t value_;
  bool overflow_ = false;
};

void require_addressable(const std::string& op, const char* tensor, Size bytes) {
  if (!bytes.fits(kMaxBytes))
    fail(op, std::string(tensor) + " would take more than " + number(kMaxBytes) + " bytes, too many to address.");
}

Axis make_axis(const std::string& op, const char* kernel_word, const std::string& name, const Window& window,
               size_t index) {
  Axis axis{.i = window.input[index],
            .k = window.kernel[index],
            .s = window.strides[index],
            .d = window.dilation[index],
            .pad_begin = window.pads[index].first,
            .pad_end = window.pads[index].second};
  require_at_least(op, "input " + name, axis.i, 1);
  require_at_least(op, kernel_word + (" " + name), axis.k, 1);
  require_at_least(op, "stride along " + name, axis.s, 1);
  require_at_least(op, "dilation along " + name, axis.d, 1);
  require_at_least(op, "padding before " + name, axis.pad_begin, 0);
  require_at_least(op, "padding after " + name, axis.pad_end, 0);

  Size extent(axis.k - 1);
  extent *= axis.d;
  extent += 1;
  Size padded(axis.i);
  padded += axis.pad_begin;
  padded += axis.pad_end;
  if (!extent.fits(kMaxBytes) || !padded.fits(kMaxBytes))
    fail(op, "sizes along " + name + " overflow. Received: input=" + number(axis.i) + ", " + kernel_word + "=" +
                 number(axis.k) + ", dilation=" + number(axis.d) + ", padding=(" + number(axis.pad_begin) + ", " +
                 number(axis.pad_end) + ")");
  if (padded.value() < extent.value())
    fail(op, "the output would be empty along " + name + ": the " + kernel_word + " spans " + number(extent.value()) +
                 " = (" + number(axis.k) + " - 1) * " + number(axis.d) + " + 1 elements, the padded input only " +
                 number(padded.value()) + " = " + number(axis.pad_begin) + " + " + number(axis.i) + " + " +
                 number(axis.pad_end) + ".");
  axis.o = (padded.value() - extent.value()) / axis.s + 1;
  return axis;
}

Axes make_axes(const std::string& op, const char* kernel_word, const Window& window) {
  const size_t rank = window.input.size();
  if (rank < 1 || rank > kSpatialAxes)
    fail(op, "there must be one to three spatial dimensions. Received: " + number(static_cast<int64_t>(rank)));
  for (size_t size : {window.kernel.size(), window.strides.size(), window.dilation.size(), window.pads.size()})
    if (size != rank)
      fail(op, std::string(kernel_word) + ", strides, dilation and padding must have one entry for each of the " +
                   number(static_cast<int64_t>(rank)) +
                   " spatial dimensions. Received: " + number(static_cast<int64_t>(size)));
  Axes axes;
  for (size_t index = 0; index < rank; ++index) {
    const size_t place = kSpatialAxes - rank + index;
    axes[place] = make_axis(op, kernel_word, kAxisNames[place], window, index);
  }
  return axes;
}

Size tensor_bytes(DType dtype, int64_t batch, int64_t channels, const Axes& axes, int64_t Axis::* size) {
  Size bytes(size_of(dtype));
  bytes *= batch;
  bytes *= channels;
  for (const Axis& axis : axes) bytes *= axis.*size;
  return bytes;
}

// The stride, or the channels where it is 0.
int64_t pixel_stride(const std::string& op, const char* tensor, int64_t stride, int64_t channels) {
  if (stride == 0) return channels;
  const std::string name = std::string(tensor) + "_stride";
  if (stride < channels)
    fail(op, name + " must be at least the channels of " + tensor + ". Received: " + name + "=" + number(stride) +
                 ", channels=" + number(channels));
  return stride;
}

}  // namespace

ConvProblem make_conv_problem(const std::string& op, Direction direction, DType dtype, int64_t batch,
                              int64_t in_channels, int64_t out_channels, int64_t groups, const Window& window) {
  require_at_least(op, "batch", batch, 0);
  require_at_least(op, "input channels", in_channels, 1);
  require_at_least(op, "filters", out_channels, 1);
  require_at_least(op, "groups", groups, 1);
  if (in_channels % groups != 0)
    fail(op, "input channels must be divisible by groups. Received: input channels=" + number(in_channels) +
                 ", groups=" + number(groups));
  if (out_channels % groups != 0)
    fail(op, "filters must be divisible by groups. Received: filters=" + number(out_channels) +
                 ", groups=" + number(groups));
  ConvProblem problem{.dtype = dtype,
                      .direction = direction,
                      .mb = batch,
                      .g = groups,
                      .ic = in_channels,
                      .oc = out_channels,
                      .src_stride = in_channels,
                      .dst_stride = out_channels,
                      .axes = make_axes(op, "kernel", window)};
  // A batch of zero must not hide an image that can't be addressed.
  const int64_t images = batch > 0 ? batch : 1;
  require_addressable(op, "the input", tensor_bytes(dtype, images, in_channels, problem.axes, &Axis::i));
  require_addressable(op, "the kernel",
                      tensor_bytes(dtype, in_channels / groups, out_channels, problem.axes, &Axis::k));
  Size output = tensor_bytes(dtype, images, out_channels, problem.axes, &Axis::o);
  require_addressable(op, "the output", output);
  Size flops = output;
  flops *= in_channels / groups;
  for (const Axis& axis : problem.axes) flops *= axis.k;
  require_addressable(op, "the sum of all products", flops);
  return problem;
}

PoolProblem make_pool_problem(const std::string& op, PoolKind kind, DType dtype, int64_t batch, int64_t channels,
                              const Window& window) {
  require_at_least(op, "batch", batch, 0);
  require_at_least(op, "channels", channels, 1);
  PoolProblem problem{.kind = kind,
                      .dtype = dtype,
                      .mb = batch,
                      .c = channels,
                      .src_stride = channels,
                      .dst_stride = channels,
                      .axes = make_axes(op, "pool", window)};
  for (const Axis& axis : problem.axes)
    if (const int64_t extent = (axis.k - 1) * axis.d + 1; axis.pad_begin >= extent || axis.pad_end >= extent)
      fail(op, "padding must be less than pool_size, a window must see some of the input. Received: padding=(" +
                   number(axis.pad_begin) + ", " + number(axis.pad_end) + "), pool_size=" + number(axis.k) +
                   " along an axis.");
  const int64_t images = batch > 0 ? batch : 1;
  require_addressable(op, "the input", tensor_bytes(dtype, images, channels, problem.axes, &Axis::i));
  Size output = tensor_bytes(dtype, images, channels, problem.axes, &Axis::o);
  require_addressable(op, "the output", output);
  for (const Axis& axis : problem.axes) output *= axis.k;
  require_addressable(op, "the elements of all windows", output);
  return problem;
}

ConvProblem with_pixel_strides(const std::string& op, ConvProblem problem, int64_t src_stride, int64_t dst_stride) {
  problem.src_stride = pixel_stride(op, "src", src_stride, problem.ic);
  problem.dst_stride = pixel_stride(op, "dst", dst_stride, problem.oc);
  const bool dense = problem.src_stride == problem.ic && problem.dst_stride == problem.oc;
  if (problem.direction == Direction::backward_weights && !dense)
    fail(op, "src_stride and dst_stride must be 0 for backward_weights.");
  const int64_t images = problem.mb > 0 ? problem.mb : 1;
  const auto bytes = [&](int64_t stride, int64_t Axis::* size) {
    return tensor_bytes(problem.dtype, images, stride, problem.axes, size);
  };
  require_addressable(op, "the input", bytes(problem.src_stride, &Axis::i));
  require_addressable(op, "the output", bytes(problem.dst_stride, &Axis::o));
  return problem;
}

PoolProblem with_pixel_strides(const std::string& op, PoolProblem problem, int64_t src_stride, int64_t dst_stride) {
  const ConvProblem as_conv = with_pixel_strides(
      op, ConvProblem{.dtype = problem.dtype, .mb = problem.mb, .ic = problem.c, .oc = problem.c, .axes = problem.axes},
      src_stride, dst_stride);
  problem.src_stride = as_conv.src_stride;
  problem.dst_stride = as_conv.dst_stride;
  return problem;
}

PadProblem make_pad_problem(DType dtype, const std::vector<int64_t>& src, const std::vector<int64_t>& before,
                            const std::vector<int64_t>& after) {
  const std::string op = "pad";
  if (before.size() != src.size() || after.size() != src.size())
    fail(op, "pad_width must have one pair for each of the " + number(static_cast<int64_t>(src.size())) +
                 " dimensions. Received: " + number(static_cast<int64_t>(before.size())));
  PadProblem problem{.dtype = dtype, .src = src, .before = before, .dst = {}};
  Size bytes(size_of(dtype));
  for (size_t index = 0; index < src.size(); ++index) {
    const std::string dimension = " dimension " + number(static_cast<int64_t>(index));
    require_at_least(op, "size of" + dimension, src[index], 0);
    require_at_least(op, "padding before" + dimension, before[index], 0);
    require_at_least(op, "padding after" + dimension, after[index], 0);
    Size padded(src[index]);
    padded += before[index];
    padded += after[index];
    if (!padded.fits(kMaxBytes)) fail(op, "the padded size of" + dimension + " overflows.");
    problem.dst.push_back(padded.value());
    bytes *= padded.value();
  }
  require_addressable(op, "the output", bytes);
  return problem;
}

}  // namespace pyconv
