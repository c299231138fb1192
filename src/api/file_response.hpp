// SPDX-License-Identifier: Apache-2.0
// Files as HTTP answers: whole, in part, or not again (RFC 9110 §13, §14).
#pragma once

#include <memory>

#include "api/http.hpp"
#include "server/files.hpp"

namespace drover::api {

/// 200, 206 for one range, 304, or 416. Several ranges are answered with the whole. Nothing is copied.
http::Response file_response(const http::Request& request, const std::shared_ptr<const server::File>& file);

/// Gives devices their images at GET /fw/..., and nothing else: what protects an image is that nobody can guess its
/// path (a Package URI has no place for a token). Listens before start() of what is returned. `files` outlives it.
Result<http::Server> open_file_server(const std::vector<std::string>& addresses, const server::Files& files);

}  // namespace drover::api
