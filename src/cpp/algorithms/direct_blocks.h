// direct_blocks.h: how direct convolution cuts its rows of pixels and panels of weights into blocks, and their order.
// No arithmetic on data.
#pragma once

#include <algorithm>
#include <vector>

#include "direct_layout.h"

namespace pyconv {

// Weights of so many bytes are read again for every tile of pixels, so that a pixel's channels are written together:
// half of an L2 cache of 1 MB. Larger ones are read panel after panel, each for a whole row.
constexpr int64_t kResidentBytes = 512 * 1024;

// Weights of more bytes come from beyond an L2 cache of 1 MB each time they are read.
constexpr int64_t kCachedBytes = 768 * 1024;

// Lines of so many bytes are begun together, at their borders. Twice as many slowed images of 256 x 256 x 64 results
// down.
constexpr int64_t kLinesBytes = 64 * 1024;

// Runs of panels, and strips of lines of produced pixels that see the same taps, below each other or in images that
// follow each other: a piece of a thread's work.
struct Block {
  Gather::Row row;  // the first line
  int64_t first_strip, last_strip, first_run, last_run;
  int64_t lines = 1, source_line = 0, produced_line = 0;  // pixels from a line to the next
};

// Pieces are strips of rows, met by runs of panels. A block is several that follow each other.
class DirectBlocks {
 public:
  template <class T>
  DirectBlocks(const DirectLayout<T>& layout, int64_t tile_rows)
      : gather_(layout.gather),
        height_segments_(gather_.segments_of(kHeight)),
        rows_(std::max<int64_t>(1, gather_.rows())) {
    constexpr auto item = static_cast<int64_t>(sizeof(T));
    const int64_t width = gather_.produced(kWidth), most_strips = ceil_div(width, 2 * tile_rows);
    const int64_t weight_bytes = layout.packed_size() * item;
    // All panels of a group, or one where they are large or few rows leave them to be shared among threads; all that
    // have one column, as there are few of them.
    const bool resident = layout.panel == 1 || (weight_bytes <= kResidentBytes && rows_ * most_strips >= kDirectTasks);
    run_ = resident ? layout.panels : 1;
    group_runs_ = layout.panels / run_;
    runs_ = layout.groups * group_runs_;
    // One row is cut into tiles, which a block puts together again.
    strips_ =
        rows_ == 1 ? ceil_div(width, tile_rows) : std::clamp(kDirectTasks / (rows_ * runs_), int64_t{1}, most_strips);
    // All rows before the next run is better for groups, which read channels of their own, and where the image stays in
    // an L2 cache or is less to read again than the weights.
    const int64_t source_bytes = gather_.mb * gather_.source(kDepth) * gather_.source(kHeight) *
                                 gather_.source(kWidth) * gather_.source_channels() * item;
    run_by_run_ = layout.groups > 1 || runs_ == 1 || (rows_ > 1 && source_bytes <= kResidentBytes) ||
                  (weight_bytes > kCachedBytes && rows_ * weight_bytes > runs_ * source_bytes);
    by_images_ = run_by_run_ && images_first(tile_rows);
    // Two tiles down a border.
    const int64_t line_bytes = width * std::min(run_ * layout.panel, layout.columns) * item;
    most_lines_ = std::clamp(kLinesBytes / line_bytes, int64_t{1}, 2 * tile_rows);
  }

  int64_t pieces() const { return gather_.rows() * strips_ * runs_; }

  // Rows may be cut into strips, where rows and panels alone would not keep the threads evenly busy.
  int64_t strips() const { return strips_; }

  // So many panels are multiplied by one call of the kernel, and so many runs of them make a group.
  int64_t run() const { return run_; }
  int64_t group_runs() const { return group_runs_; }

  // The block that begins with piece `begin`, which is moved behind it, at most to `end`.
  Block next(int64_t& begin, int64_t end) const { return run_by_run_ ? next_rows(begin, end) : next_runs(begin, end); }

 private:
  // All runs meet a strip before the next strip; or strips of one row together, as each costs an eighth of a
  // microsecond, 64 of them 4 % of MobileNetV2's 1x1 convolutions.
  Block next_runs(int64_t& begin, int64_t end) const {
    const int64_t first_run = begin % runs_, last_run = std::min(runs_, first_run + end - begin);
    const int64_t strip = begin / runs_ % strips_, row = begin / runs_ / strips_;
    const int64_t strips = rows_ == 1 && first_run == 0 ? std::max<int64_t>(1, (end - begin) / runs_) : 1;
    begin += strips * (last_run - first_run);
    return {gather_.row(row), strip, strip + strips, first_run, last_run};
  }

  // All rows meet a run before the next run, many lines at once.
  Block next_rows(int64_t& begin, int64_t end) const {
    const int64_t index = begin % rows_, strip = begin / rows_ % strips_, run = begin / rows_ / strips_;
    const int64_t row = by_images_ ? index % gather_.mb * (rows_ / gather_.mb) + index / gather_.mb : index;
    Block block{gather_.row(row), strip, strip + 1, run, run + 1};
    if (rows_ == 1)
      block.last_strip = std::min(strips_, strip + end - begin);
    else if (by_images_)
      add_images(index, end - begin, block);
    else
      add_lines(index, end - begin, block);
    begin += block.lines * (block.last_strip - strip);
    return block;
  }

  // Whether lines are better counted image by image than down an image: where few lines of one see the same taps, as in
  // images little larger than the kernel, but the same line of every image does. Of wide images a line fills tiles
  // alone.
  bool images_first(int64_t tile_rows) const {
    int64_t alike = 1;
    for (const Segment& segment : height_segments_)
      if (segment.step == 1) alike = std::max(alike, segment.count);
    return gather_.produced(kWidth) < 2 * tile_rows && alike < tile_rows / 2 && alike < gather_.mb;
  }

  // How many of these lines a block has: all blocks about equally many, as of one line alone each border is a tile of
  // one row.
  int64_t equal_share(int64_t lines) const { return ceil_div(lines, ceil_div(lines, most_lines_)); }

  // The block goes on below its line `index`, with at most `left` lines, if they see the same taps.
  void add_lines(int64_t index, int64_t left, Block& block) const {
    const int64_t line = index % gather_.produced(kHeight);
    for (const Segment& alike : height_segments_)
      if (alike.step == 1 && alike.first <= line && line < alike.first + alike.count) {
        block.lines = equal_share(std::min(left, alike.first + alike.count - line));
        block.source_line = alike.src_advance * gather_.source(kWidth);
        block.produced_line = gather_.produced(kWidth);
      }
  }

  // The same with line index / mb of image index % mb, and of the images after it.
  void add_images(int64_t index, int64_t left, Block& block) const {
    block.lines = equal_share(std::min(left, gather_.mb - index % gather_.mb));
    block.source_line = gather_.source(kDepth) * gather_.source(kHeight) * gather_.source(kWidth);
    block.produced_line = gather_.produced(kDepth) * gather_.produced(kHeight) * gather_.produced(kWidth);
  }

  const Gather& gather_;
  std::vector<Segment> height_segments_;
  int64_t rows_, run_, group_runs_, runs_, strips_, most_lines_;
  bool run_by_run_, by_images_;
};

}  // namespace pyconv
