// SPDX-License-Identifier: Apache-2.0
// Any text as link format and as announcement: refused, or written into something that is read as the same.
#include "coap/message/link_format.hpp"

#include <algorithm>
#include <cstdlib>

#include "lwm2m/mapping/mapping.hpp"

using namespace drover;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_announcement(std::string_view text) {
  const auto announcement = lwm2m::mapping::parse_announcement(text);
  if (!announcement) return;
  require(announcement->root.size() <= lwm2m::mapping::kTextBytesMax);
  const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
  require(std::is_sorted(announcement->objects.begin(), announcement->objects.end(), by_id));
  const auto again = lwm2m::mapping::parse_announcement(lwm2m::mapping::format_announcement(*announcement));
  require(again.has_value() && *again == *announcement);
  (void)lwm2m::mapping::to_request(lwm2m::Read{lwm2m::Path(3, 0), {}}, announcement->root);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto links = coap::parse_link_format(text);
  if (links) {
    const auto again = coap::parse_link_format(coap::format_links(*links));
    require(again.has_value() && *again == *links);
  } else {
    require(links.error().code == 0x80);
  }
  check_announcement(text);
  return 0;
}
