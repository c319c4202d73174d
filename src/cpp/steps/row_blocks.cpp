// row_blocks.cpp: which rows of each convolution a block needs, and which of them are there from the block before.
#include "row_blocks.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "../first_error.h"
#include "../parallel.h"
#include "../workspace.h"

namespace pyconv {
namespace {

[[noreturn]] void fail(const std::string& rule) { throw std::invalid_argument("ProgramBuilder.row_blocks: " + rule); }

// The axis for outputs [begin, end) alone; first is set to the first source row that they see.
Axis part_of(const Axis& whole, int64_t begin, int64_t end, int64_t& first) {
  const int64_t before = begin * whole.s - whole.pad_begin;
  const int64_t after = (end - 1) * whole.s - whole.pad_begin + (whole.k - 1) * whole.d + 1;
  first = std::max<int64_t>(0, before);
  const int64_t last = std::min(whole.i, after);
  Axis part = whole;
  part.i = last - first;
  part.o = end - begin;
  part.pad_begin = first - before;
  part.pad_end = after - last;
  return part;
}

void check(const std::vector<RowConv>& convs, int64_t blocks) {
  if (convs.size() < 2) fail("there must be two convolutions or more.");
  const ConvProblem* before = nullptr;
  for (const RowConv& conv : convs) {
    const ConvProblem& problem = conv.plan->problem();
    if (problem.direction != Direction::forward || problem.dtype != DType::f32 || problem.mb != 1 ||
        problem.axes[kDepth].i != 1 || problem.axes[kDepth].o != 1 || !conv.plan->algorithm().plain_sums)
      fail("plans must be forward, of plain sums, for one image of float32. Received: " + conv.plan->describe());
    const Axis& height = problem.axes[kHeight];
    if (const int64_t extent = (height.k - 1) * height.d + 1; height.pad_begin >= extent || height.pad_end >= extent)
      fail("a window must see a row that is no padding. Received: " + conv.plan->describe());
    for (const Link& link : conv.links)
      if (reads_array(link.operand)) fail("links must have no operand, or a number.");
    const auto follows = [&](AxisIndex axis) { return before->axes[axis].o == problem.axes[axis].i; };
    if (before &&
        (!follows(kHeight) || !follows(kWidth) || before->oc != problem.ic || before->dst_stride != problem.src_stride))
      fail("a plan must read what the one before it writes. Received: " + conv.plan->describe());
    before = &problem;
  }
  if (const int64_t rows = before->axes[kHeight].o; blocks < 1 || blocks > rows)
    fail("blocks must be 1 to the number of rows. Received: " + std::to_string(blocks) + " of " + std::to_string(rows));
}

}  // namespace

RowBlocksStep::RowBlocksStep(std::vector<RowConv> convs, int64_t blocks, Place src, Place dst,
                             std::optional<Place> residual)
    : convs_(std::move(convs)), blocks_(blocks), src_(src), dst_(dst), residual_(residual), plans_(convs_.size()) {
  check(convs_, blocks_);
  std::vector<int64_t> rows(convs_.size());
  const auto plan = [&](const Part& part) {
    rows[part.conv] = std::max(rows[part.conv], part.dst_row + part.height.o);
    std::vector<Planned>& known = plans_[part.conv];
    if (std::none_of(known.begin(), known.end(), [&](const Planned& made) { return made.fits(part.height); }))
      known.push_back(planned(part));
  };
  for (int64_t begin = 0; begin < blocks_; ++begin) {  // where a thread may begin
    Progress progress;
    for_each_part(begin, begin == 0 ? blocks_ : begin + 1, progress, plan);
  }
  for (size_t conv = 0; conv + 1 < convs_.size(); ++conv) {
    between_.push_back(between_bytes_);
    between_bytes_ += align_up(rows[conv] * dst_row_bytes(conv));
  }
}

bool RowBlocksStep::Planned::fits(const Axis& height) const {
  const Axis& own = conv.problem().axes[kHeight];
  return own.i == height.i && own.o == height.o && own.pad_begin == height.pad_begin && own.pad_end == height.pad_end;
}

RowBlocksStep::Planned RowBlocksStep::planned(const Part& part) const {
  const RowConv& conv = convs_[part.conv];
  Planned made{.conv = conv.plan->on_rows(part.height), .chain = {}};
  const ConvProblem& rows = made.conv.problem();
  if (!conv.links.empty())
    made.chain.emplace(ChainProblem{.pixels = rows.dst_pixels(),
                                    .c = rows.oc,
                                    .links = conv.links,
                                    .src_stride = rows.dst_stride,
                                    .dst_stride = rows.dst_stride},
                       conv.plan->kernels());
  return made;
}

int64_t RowBlocksStep::dst_row_bytes(size_t conv) const {
  return problem(conv).axes[kWidth].o * problem(conv).dst_stride * size_of(DType::f32);
}

size_t RowBlocksStep::plan_block(int64_t block, std::vector<Rows>& there, std::vector<Part>& parts) const {
  const size_t last = convs_.size() - 1;
  const int64_t all_rows = problem(last).axes[kHeight].o;
  Rows wanted{all_rows * block / blocks_, all_rows * (block + 1) / blocks_};
  parts[last] = {.conv = last, .height = {}, .src_row = 0, .dst_row = wanted.begin, .kept = {}};
  for (size_t conv = last;; --conv) {
    Part& part = parts[conv];
    int64_t first = 0;
    part.height = part_of(problem(conv).axes[kHeight], wanted.begin, wanted.end, first);
    if (conv == 0) {
      part.src_row = first;
      return conv;
    }
    Rows& old = there[conv - 1];
    const Rows kept{std::max(first, old.begin), std::max(old.end, first)};
    wanted = {kept.end, first + part.height.i};
    if (wanted.begin >= wanted.end) {
      part.src_row = first - old.begin;
      return conv;
    }
    parts[conv - 1] = {.conv = conv - 1,
                       .height = {},
                       .src_row = 0,
                       .dst_row = kept.end - first,
                       .kept = {kept.begin - old.begin, kept.end - old.begin}};
    old = {first, wanted.end};
  }
}

void RowBlocksStep::for_each_part(int64_t begin, int64_t end, Progress& progress,
                                  const std::function<void(const Part&)>& call) const {
  if (progress.next != begin) progress.there.assign(convs_.size() - 1, {});
  std::vector<Part> parts(convs_.size());
  for (int64_t block = begin; block < end; ++block)
    for (size_t conv = plan_block(block, progress.there, parts); conv < parts.size(); ++conv) call(parts[conv]);
  progress.next = end;
}

void RowBlocksStep::run_part(const Part& part, const Memory& memory, std::byte* between) const {
  const RowConv& conv = convs_[part.conv];
  const size_t last = convs_.size() - 1;
  const int64_t row_bytes = dst_row_bytes(part.conv);
  const std::vector<Planned>& known = plans_[part.conv];
  const auto plan =
      std::find_if(known.begin(), known.end(), [&](const Planned& made) { return made.fits(part.height); });
  std::byte* dst = part.conv == last ? memory.at(dst_) : between + between_[part.conv];
  if (part.kept.begin > 0 && part.kept.end > part.kept.begin)
    std::memmove(dst, dst + part.kept.begin * row_bytes,
                 static_cast<size_t>((part.kept.end - part.kept.begin) * row_bytes));
  const ConvProblem& here = problem(part.conv);
  const int64_t src_row_bytes = here.axes[kWidth].i * here.src_stride * size_of(DType::f32);
  std::byte* src = part.conv == 0 ? memory.at(src_) : between + between_[part.conv - 1];
  auto* const weights = const_cast<std::byte*>(conv.packed.get());  // only read, as bias is
  dst += part.dst_row * row_bytes;
  plan->conv.run(
      {.src = src + part.src_row * src_row_bytes,
       .weights = weights,
       .bias = conv.bias.empty() ? nullptr : const_cast<float*>(conv.bias.data()),
       .dst = dst,
       .residual = part.conv == last && residual_ ? memory.at(*residual_) + part.dst_row * row_bytes : nullptr},
      weights);
  const std::vector<const void*> no_operands(conv.links.size());
  if (plan->chain) plan->chain->run(dst, no_operands.data(), dst);
}

void RowBlocksStep::run(const Memory& memory) const {
  int64_t flops = 0;
  for (const RowConv& conv : convs_) flops += conv.plan->problem().flops();  // chains are little beside them
  const int threads = threads_for(flops);
  const Workspace workspace(threads * between_bytes_);
  std::vector<Progress> progress(static_cast<size_t>(threads));
  FirstError error;
  parallel_for(blocks_, threads, [&](int64_t begin, int64_t end, int thread) {
    std::byte* const between = workspace.get() + thread * between_bytes_;
    error.guard([&] {
      for_each_part(begin, end, progress[thread], [&](const Part& part) { run_part(part, memory, between); });
    });
  });
  error.rethrow();
}

std::vector<Access> RowBlocksStep::accesses() const {
  const ConvProblem &first = problem(0), &last = problem(convs_.size() - 1);
  const int64_t dst_bytes = pixels_bytes(DType::f32, last.dst_pixels(), last.dst_stride, last.oc);
  std::vector<Access> all = {
      {.place = src_, .bytes = pixels_bytes(DType::f32, first.src_pixels(), first.src_stride, first.ic)},
      {.place = dst_, .bytes = dst_bytes, .write = true}};
  if (residual_) all.push_back({.place = *residual_, .bytes = dst_bytes});
  return all;
}

StepFacts RowBlocksStep::facts() const {
  StepFacts facts{.kind = "row_blocks", .algorithm = {}, .workspace_bytes = num_threads() * between_bytes_};
  for (const RowConv& conv : convs_) {
    if (!facts.algorithm.empty()) facts.algorithm += '+';
    facts.algorithm += conv.plan->algorithm().name;
    const ConvProblem& made = conv.plan->problem();
    facts.flops += made.flops() + static_cast<int64_t>(conv.links.size()) * made.dst_pixels() * made.oc;
    facts.weights_bytes += conv.packed_bytes;
  }
  return facts;
}

}  // namespace pyconv
