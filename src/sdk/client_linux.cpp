// SPDX-License-Identifier: Apache-2.0
// Apart from client.cpp, so that a program with a Platform of its own is linked without sockets and threads.
#include "sdk/client_parts.hpp"

namespace drover {

Client::Client(Settings settings) {
  auto host = sdk::linux_host(settings);
  impl_ = std::make_unique<Impl>(std::move(settings), std::move(host));
}

}  // namespace drover
