// Lets some extensions call international numbers, and nobody else.
#include "cordboard_plugin.h"

typedef exports_cordboard_plugin_authorization_answer_t answer_t;

static const char *const PREFIX = "00";
static const char *const ALLOWED[] = {"1001"};

void exports_cordboard_plugin_meta_describe(exports_cordboard_plugin_meta_info_t *ret) {
  describe_as(ret, "{{name}}", "0.1.0", "A {{kind}} for Cordboard");
}

bool exports_cordboard_plugin_meta_check_config(cordboard_string_t *config_json,
                                                exports_cordboard_plugin_meta_list_problem_t *err) {
  return nothing_to_configure(*config_json, err);
}

static bool judge(answer_t *answer, uint8_t verdict, const char *why) {
  memset(answer, 0, sizeof *answer);
  answer->verdict.tag = verdict;
  answer->why = text_copy(why);
  if (verdict == EXPORTS_CORDBOARD_PLUGIN_AUTHORIZATION_VERDICT_DENY) answer->verdict.val.deny.status = 403;
  return true;
}

bool exports_cordboard_plugin_authorization_authorize(exports_cordboard_plugin_authorization_subject_t *subject,
                                                      answer_t *ret,
                                                      exports_cordboard_plugin_authorization_fault_t *err) {
  (void)err;
  if (subject->tag != EXPORTS_CORDBOARD_PLUGIN_AUTHORIZATION_SUBJECT_CALL)
    return judge(ret, EXPORTS_CORDBOARD_PLUGIN_AUTHORIZATION_VERDICT_PASS, "no call");
  exports_cordboard_plugin_authorization_call_t *call = &subject->val.call;
  if (!text_begins_with(call->callee.user, PREFIX))
    return judge(ret, EXPORTS_CORDBOARD_PLUGIN_AUTHORIZATION_VERDICT_PASS, "not international");
  // What the caller's phone proved with a digest answer. Anybody can write anything into From.
  for (size_t i = 0; call->authenticated_as.is_some && i < sizeof ALLOWED / sizeof *ALLOWED; i++) {
    if (text_is(call->authenticated_as.val, ALLOWED[i]))
      return judge(ret, EXPORTS_CORDBOARD_PLUGIN_AUTHORIZATION_VERDICT_ALLOW, "may call abroad");
  }
  return judge(ret, EXPORTS_CORDBOARD_PLUGIN_AUTHORIZATION_VERDICT_DENY, "may not call abroad");
}
