// SPDX-License-Identifier: Apache-2.0
#include "audit/trail.hpp"

namespace drover::audit {

bool matches(const Record& record, const Query& query) {
  return record.who.find(query.who) != std::string::npos && record.target.starts_with(query.path) &&
         (!query.from || record.at >= *query.from) && (!query.to || record.at < *query.to);
}

}  // namespace drover::audit
