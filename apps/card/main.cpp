// SPDX-License-Identifier: Apache-2.0
// drover-card: files of smartcards with bootstrap data, and software cards.
#include <algorithm>
#include <csignal>
#include <cstdio>

#include "apps/card/description.hpp"
#include "apps/card/make.hpp"
#include "apps/card/options.hpp"
#include "apps/card/serve.hpp"
#include "io/clock.hpp"
#include "io/standard_output.hpp"

namespace {

using drover::card::Options;

constexpr int kEnvironment = 3;

int complain(const drover::Error& error) {
  std::fprintf(stderr, "drover-card: %s\n", error.reason.c_str());
  return kEnvironment;
}

drover::Result<void> run(const Options& options) {
  std::vector<std::string> warnings;
  auto image = drover::card::read_description(options.description, &warnings);
  for (const std::string& warning : warnings) std::fprintf(stderr, "drover-card: %s\n", warning.c_str());
  if (!image) return tl::unexpected(image.error());
  if (options.action == Options::Action::Serve) return drover::card::serve(options, std::move(*image));
  drover::io::SystemRng rng;
  const auto files = drover::card::make_files(*image, rng);
  if (!files) return tl::unexpected(files.error());
  if (auto written = drover::card::write_files(*files, options.folder, options.force); !written) return written;
  std::printf("%zu files in %s\n", files->size(), options.folder.c_str());
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  Options options;
  if (const auto status = drover::card::parse_command_line(count, arguments, options)) return *status;
  std::signal(SIGPIPE, SIG_IGN);
  const auto ran = run(options);
  const auto said = drover::io::finish_output();
  return std::max(ran ? 0 : complain(ran.error()), said ? 0 : complain(said.error()));
}
