/* Layers by name. */
#include "compress/layers.h"

#include <string.h>

bool pare_names_have(const pare_name_list *list, const char *name) {
  for (int i = 0; i < list->n; i++)
    if (strcmp(list->names[i], name) == 0) return true;
  return false;
}

bool pare_layer_chosen(const pare_layer_choice *choice, const char *node_name) {
  return (!choice->layers.n || pare_names_have(&choice->layers, node_name)) &&
         !pare_names_have(&choice->exclude, node_name);
}

static pare_status check_list(const pare_model *model, const char *parameter, const pare_name_list *list) {
  for (int i = 0; i < list->n; i++)
    if (pare_model_find_node(model, list->names[i]) < 0)
      return pare_fail(model->ctx, PARE_BAD_RECIPE, "%s: there is no layer '%s'", parameter, list->names[i]);
  return PARE_OK;
}

pare_status pare_layer_choice_check(const pare_model *model, const pare_layer_choice *choice) {
  PARE_TRY(check_list(model, "layers", &choice->layers));
  return check_list(model, "exclude", &choice->exclude);
}
