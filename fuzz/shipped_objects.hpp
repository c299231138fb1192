// SPDX-License-Identifier: Apache-2.0
// The shipped definitions that the client's fuzzer manages.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "lwm2m/model/ddf.hpp"
#include "lwm2m/model/registry.hpp"

#ifndef DROVER_SOURCE_DIR  // given by the build; the header stands alone without it
#define DROVER_SOURCE_DIR "."
#endif

namespace drover {

/// Objects 0, 1, 3, 5 and 3303; read once.
inline const lwm2m::model::Registry& shipped_objects() {
  static const lwm2m::model::Registry registry = [] {
    lwm2m::model::Registry loaded;
    for (const char* file : {"1.0/0", "1.0/1", "1.0/3", "1.0/5", "extra/3303"}) {
      std::ifstream stream(std::string(DROVER_SOURCE_DIR "/objects/") + file + ".xml");
      std::ostringstream text;
      text << stream.rdbuf();
      auto definitions = lwm2m::model::parse_ddf(text.str(), file);
      if (!definitions) std::abort();
      for (auto& definition : *definitions) {
        if (!loaded.add(std::move(definition))) std::abort();
      }
    }
    return loaded;
  }();
  return registry;
}

}  // namespace drover
