// SPDX-License-Identifier: Apache-2.0
// Object definitions that people bring while the server runs, as the REST API sees them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "lwm2m/model/definition.hpp"

namespace drover::api {

/// Thread-safe. `done` is called once, on a thread of the shelf's, and must not throw; when it says that something was
/// changed, the disk has it. Errors of Fault::Peer are about the definitions.
class ModelShelf {
 public:
  struct Brought {
    std::vector<const lwm2m::model::ObjectDefinition*> definitions;  ///< as long as the registry
    bool is_new = false;                                             ///< none of them was brought before
  };

  virtual ~ModelShelf() = default;
  /// All objects of a DDF file (Core Appendix J), or none.
  virtual void bring(std::string ddf, std::function<void(Result<Brought>)> done) = 0;
  /// False: that one wasn't brought.
  virtual void take_out(lwm2m::ObjectId object, lwm2m::Version version, std::function<void(Result<bool>)> done) = 0;
};

}  // namespace drover::api
