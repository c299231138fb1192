// SPDX-License-Identifier: Apache-2.0
// drover-objectgen: C++ classes from definitions of LwM2M objects.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "apps/objectgen/generator.hpp"
#include "lwm2m/model/ddf.hpp"

namespace {

using namespace drover;

constexpr int kWrongUsage = 2;
constexpr int kFailed = 1;

int fail(int code, const std::string& reason) {
  std::cerr << "drover-objectgen: " << reason << '\n';
  return code;
}

Result<std::vector<lwm2m::model::ObjectDefinition>> read_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) return tl::unexpected(Error{Fault::Environment, 0, name + ": can't be opened"});
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return tl::unexpected(Error{Fault::Environment, 0, name + ": can't be read"});
  return lwm2m::model::parse_ddf(text, name);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("C++ classes from definitions of LwM2M objects (DDF files), for devices made with the SDK: the types of resources are checked at "
               "compile time then.",
               "drover-objectgen");
  objectgen::Options options;
  std::string file;
  std::string output;
  std::vector<lwm2m::ResourceId> with;
  app.add_option("DDF", file, "XML file with one object, as the OMA registry has them")->required()->type_name("FILE");
  app.add_option("-o,--output", output, "header that is written; without it, standard output")->type_name("FILE");
  app.add_option("--namespace", options.name_space, "of the class [drover::objects]")->type_name("NAME");
  app.add_option("--with", with, "resources that needn't be there, but are to be members, too: 5601,5602")->delimiter(',')->type_name("IDS");
  app.footer("Include the header, derive from its class, and add() that to a drover::Client; examples/thermometer.cpp does.");
  app.set_version_flag("--version", "drover-objectgen " DROVER_VERSION);
  CLI11_PARSE(app, argc, argv);
  options.with.insert(with.begin(), with.end());
  options.source = file.substr(file.rfind('/') + 1);

  const auto objects = read_file(file);
  if (!objects) return fail(kFailed, objects.error().reason);
  if (objects->size() != 1) return fail(kFailed, file + ": it has " + std::to_string(objects->size()) + " objects; one is needed");
  const auto text = objectgen::generate(objects->front(), options);
  if (!text) return fail(kWrongUsage, text.error().reason);
  if (output.empty()) {
    std::cout << *text << std::flush;
    return std::cout ? 0 : fail(kFailed, "standard output can't be written");
  }
  std::ofstream to(output, std::ios::binary);
  to << *text << std::flush;
  return to ? 0 : fail(kFailed, output + ": can't be written");
}
