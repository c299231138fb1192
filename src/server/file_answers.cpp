// SPDX-License-Identifier: Apache-2.0
#include "server/file_answers.hpp"

#include <algorithm>
#include <utility>

#include "coap/message/code.hpp"
#include "lwm2m/content/format.hpp"

namespace drover::server {

bool FileAnswers::answer(Instant now, const coap::RequestArrived& arrived, stack::Endpoint& endpoint) {
  if (files_ == nullptr) return false;
  const std::string path = arrived.request.options.uri_path();
  auto file = path.size() > 1 ? files_->find_file(std::string_view(path).substr(1)) : nullptr;
  if (!file) return false;
  coap::Response head{coap::code::kContent, {}, {}};
  if (arrived.request.method != coap::code::kGet) {
    head.code = coap::code::kMethodNotAllowed;
    endpoint.respond(now, arrived.responder, std::move(head));
    return true;
  }
  head.options.set(coap::OptionNumber::ETag, file->etag());
  const auto known = arrived.request.options.first(coap::OptionNumber::ETag);
  if (known && std::ranges::equal(*known, file->etag())) {
    head.code = coap::code::kValid;
    endpoint.respond(now, arrived.responder, std::move(head));
    return true;
  }
  head.options.set_content_format(lwm2m::format::kOpaque);
  const std::size_t total = file->bytes().size();
  forget_old(now);
  readers_.insert_or_assign(arrived.responder, Reader{std::move(file), now});
  endpoint.respond_streamed(now, arrived.responder, std::move(head), total);
  return true;
}

void FileAnswers::supply(Instant now, const coap::BodyWanted& wanted, stack::Endpoint& endpoint) {
  const auto* const responder = std::get_if<coap::ResponderId>(&wanted.of);
  const auto found = responder == nullptr ? readers_.end() : readers_.find(*responder);
  if (found == readers_.end()) return;
  const ByteView bytes = found->second.file->bytes();
  const std::size_t size = wanted.offset < bytes.size() ? std::min(wanted.size, bytes.size() - wanted.offset) : 0;
  endpoint.supply(now, *responder, bytes.subspan(std::min(wanted.offset, bytes.size()), size));
  found->second.used = now;
  if (wanted.offset + size >= bytes.size()) readers_.erase(found);
}

void FileAnswers::forget_old(Instant now) {
  if (readers_.size() < look_at_) return;
  constexpr std::size_t kLeast = 64;
  std::erase_if(readers_, [&](const auto& one) { return one.second.used + patience_ <= now; });
  look_at_ = std::max(kLeast, 2 * readers_.size());
}

}  // namespace drover::server
