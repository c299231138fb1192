// SPDX-License-Identifier: Apache-2.0
// The web console (console/): its built files are in the program, and go out as they are.
#pragma once

#include <string_view>
#include <vector>

#include "api/http.hpp"

namespace drover::api {

struct ConsoleFile {
  std::string_view path;  ///< "/", "/assets/index-Bq3x.js"
  std::string_view content_type;
  std::string_view content;
  std::string_view gzip;  ///< the same by gzip (RFC 1952)
  std::string_view etag;  ///< with its quotation marks
};

/// Generated from console/dist by CMakeLists.txt; empty where that folder is.
const std::vector<ConsoleFile>& console_files();

/// 200 or 304. A page that shows a fleet and holds a token runs its own scripts alone, and nobody shows it in a frame: so
/// say the header fields of every answer. What is named by its content (/assets/) may be kept for good.
http::Response console_response(const http::Request& request, const ConsoleFile& file);

}  // namespace drover::api
