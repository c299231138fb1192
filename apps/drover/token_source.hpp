// SPDX-License-Identifier: Apache-2.0
// Where the command line has its token from, and where it may go.
#pragma once

#include <string>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace drover::cli {

/// What may hold a token, the first that does counts; each "" when there is none.
struct TokenPlaces {
  std::string file;         ///< of --token-file
  std::string environment;  ///< the value of DROVER_TOKEN
  std::string home_file;    ///< read when it is there
};

/// "$XDG_CONFIG_HOME/drover/token", or below ~/.config; "" without either variable.
std::string home_token_file();

/// The token, or "" when there is none. A file must be its owner's alone (0600): an error says how to mend it. What was
/// read is in no error.
Result<Secret<std::string>> find_token(const TokenPlaces& places);

/// A token goes by https, or by http to this machine itself; an error otherwise.
Result<void> check_token_url(const std::string& url);

}  // namespace drover::cli
