// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/session.hpp"

namespace drover::bootstrap {

const char* to_string(SessionState state) {
  switch (state) {
    case SessionState::Waiting: return "waiting";
    case SessionState::Running: return "running";
    case SessionState::Finished: return "finished";
    case SessionState::Failed: return "failed";
  }
  return "?";
}

const char* to_string(Applied applied) {
  switch (applied) {
    case Applied::No: return "no";
    case Applied::Yes: return "yes";
    case Applied::Unknown: return "unknown";
  }
  return "?";
}

}  // namespace drover::bootstrap
