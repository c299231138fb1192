// SPDX-License-Identifier: Apache-2.0
// Plans for tests, over the shipped definitions.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "bootstrap/plan_json.hpp"
#include "lwm2m/model/ddf.hpp"
#include "lwm2m/model/registry.hpp"

#ifndef DROVER_SOURCE_DIR  // given by the build; the header stands alone without it
#define DROVER_SOURCE_DIR "."
#endif

namespace drover::bootstrap::testing {

inline const lwm2m::model::Registry& definitions() {
  static const lwm2m::model::Registry registry = [] {
    lwm2m::model::Registry loaded;
    for (const char* file : {"0", "1", "2", "3", "4", "5"}) {
      std::ifstream stream(std::string(DROVER_SOURCE_DIR "/objects/1.0/") + file + ".xml");
      std::ostringstream text;
      text << stream.rdbuf();
      auto definitions = lwm2m::model::parse_ddf(text.str(), file);
      EXPECT_TRUE(definitions) << file;
      if (!definitions) continue;
      for (auto& definition : *definitions) EXPECT_TRUE(loaded.add(std::move(definition)));
    }
    return loaded;
  }();
  return registry;
}

/// ' stands for ".
inline std::string quoted(std::string text) {
  for (char& c : text) {
    if (c == '\'') c = '"';
  }
  return text;
}

inline SharedPlan plan(const std::string& text) {
  auto parsed = parse_plan(quoted(text), definitions());
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().reason);
  return parsed ? *parsed : std::make_shared<const Plan>();
}

/// Why it is refused; "" when it isn't.
inline std::string refusal(const std::string& text) {
  const auto parsed = parse_plan(quoted(text), definitions());
  return parsed ? "" : parsed.error().reason;
}

/// Core Appendix F: two servers with literal keys, and what both may do.
inline const std::string kAppendixF = R"({'name':'f','endpoints':['example-client'],'delete':['/'],'discover':false,
 'servers':[
  {'id':101,'uri':'coaps://server1.example.com','security_instance':1,'server_instance':0,
   'security':{'mode':'psk','identity':'b313cc22-f969-42ec-ad42','key':'1ca2028d7197c778e9aef5ef69082bea'},
   'lifetime':86400,'pmin':300,'pmax':6000,'disable_timeout':86400,'store_notifications':true,'binding':'U'},
  {'id':102,'uri':'coaps://server2.example.com','security_instance':2,'server_instance':1,
   'security':{'mode':'rpk',
    'public_key':'3059301306072a8648ce3d020106082a8648ce3d03010703420004a09dcb1bc739e7f19afa9adcb1944968bfba73efcec29b50486eb44d1b29c193449970a3736830cb2bd5d7ec05d2bd1fc07b6df5e48b54ce77a6a7229c3a91c2',
    'server_public_key':'3059301306072a8648ce3d020106082a8648ce3d0301070342000482c773f378d30c2783a48eb811b96cf6a90694a8564f1e7f6d366152f11698950f6f7c40cda585334f837750a102f5bf25508ceb9e55dfc0f12a455199a4c960',
    'private_key':'307702010104209f352da16495748e146fcb5370b8e96d292ced5567a8fae55a22bb67d91651b8a00a06082a8648ce3d030107a14403420004a09dcb1bc739e7f19afa9adcb1944968bfba73efcec29b50486eb44d1b29c193449970a3736830cb2bd5d7ec05d2bd1fc07b6df5e48b54ce77a6a7229c3a91c2'},
   'lifetime':86400,'pmin':60,'pmax':6000,'disable_timeout':86400,'store_notifications':false,'binding':'UQ'}],
 'write':[
  {'path':'/2/0','value':{'0':1,'1':0,'2':{'101':15},'3':101}},
  {'path':'/2/1','value':{'0':1,'1':1,'2':{'102':15},'3':102}},
  {'path':'/2/2','value':{'0':3,'1':0,'2':{'101':15,'102':1},'3':101}},
  {'path':'/2/3','value':{'0':4,'1':0,'2':{'101':1,'0':1},'3':101}},
  {'path':'/2/4','value':{'0':5,'1':65535,'2':{'101':16},'3':65535}}]})";

}  // namespace drover::bootstrap::testing
