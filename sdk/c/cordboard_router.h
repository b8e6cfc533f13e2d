// The usual answers of a router. Each fills `answer` and returns true, to be returned by `route`.
#ifndef CORDBOARD_ROUTER_H
#define CORDBOARD_ROUTER_H

#include "cordboard_plugin.h"

typedef exports_cordboard_plugin_routing_question_t question_t;
typedef exports_cordboard_plugin_routing_answer_t answer_t;
typedef exports_cordboard_plugin_routing_fault_t fault_t;
typedef exports_cordboard_plugin_routing_target_t target_t;

/// Leaves the call to the next plugin of the chain.
static inline bool pass(answer_t *answer, const char *why) {
  memset(answer, 0, sizeof *answer);
  answer->decision.tag = EXPORTS_CORDBOARD_PLUGIN_ROUTING_DECISION_PASS;
  answer->why = text_copy(why);
  return true;
}

/// Refuses the call with a SIP status from 400 to 699.
static inline bool reject(answer_t *answer, uint16_t status, const char *why) {
  memset(answer, 0, sizeof *answer);
  answer->decision.tag = EXPORTS_CORDBOARD_PLUGIN_ROUTING_DECISION_REJECT;
  answer->decision.val.reject.status = status;
  answer->why = text_copy(why);
  return true;
}

/// A registered user.
static inline target_t aor(const char *user) {
  target_t target;
  memset(&target, 0, sizeof target);
  target.address.tag = EXPORTS_CORDBOARD_PLUGIN_ROUTING_TARGET_ADDRESS_AOR;
  target.address.val.aor = text_copy(user);
  return target;
}

/// A number, as the caller dialled it, behind a trunk.
static inline target_t trunk(const char *name, cordboard_string_t number) {
  target_t target;
  memset(&target, 0, sizeof target);
  target.address.tag = EXPORTS_CORDBOARD_PLUGIN_ROUTING_TARGET_ADDRESS_TRUNK;
  target.address.val.trunk.trunk = text_copy(name);
  cordboard_string_dup_n(&target.address.val.trunk.number, (const char *)number.ptr, number.len);
  return target;
}

/// Rings targets, one after the other.
static inline bool dial(answer_t *answer, const target_t *targets, size_t count, const char *why) {
  memset(answer, 0, sizeof *answer);
  answer->decision.tag = EXPORTS_CORDBOARD_PLUGIN_ROUTING_DECISION_DIAL;
  exports_cordboard_plugin_routing_dial_t *dial = &answer->decision.val.dial;
  dial->strategy = EXPORTS_CORDBOARD_PLUGIN_ROUTING_STRATEGY_SEQUENTIAL;
  dial->targets.ptr = calloc(count, sizeof *targets);
  if (dial->targets.ptr == NULL) abort();
  memcpy(dial->targets.ptr, targets, count * sizeof *targets);
  dial->targets.len = count;
  answer->why = text_copy(why);
  return true;
}

#endif
