// Sends calls for one number to the phone of somebody who is there.
#include "cordboard_router.h"

static const char *const NUMBER = "100";
static const char *const TEAM[] = {"1001", "1002"};

void exports_cordboard_plugin_meta_describe(exports_cordboard_plugin_meta_info_t *ret) {
  describe_as(ret, "{{name}}", "0.1.0", "A {{kind}} for Cordboard");
}

bool exports_cordboard_plugin_meta_check_config(cordboard_string_t *config_json,
                                                exports_cordboard_plugin_meta_list_problem_t *err) {
  return nothing_to_configure(*config_json, err);
}

bool exports_cordboard_plugin_routing_route(question_t *question, answer_t *ret, fault_t *err) {
  (void)err;
  if (!text_is(question->call.callee.user, NUMBER)) return pass(ret, "another number");
  if (question->attempts.len > 0) return reject(ret, 480, "the team does not answer");
  for (size_t i = 0; i < sizeof TEAM / sizeof *TEAM; i++) {
    if (!is_registered(TEAM[i])) continue;
    target_t target = aor(TEAM[i]);
    return dial(ret, &target, 1, "the first of the team that is there");
  }
  return reject(ret, 480, "nobody of the team is registered");
}
