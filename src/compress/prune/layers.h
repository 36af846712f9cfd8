/* The `layers` and `exclude` parameters that pruning passes share. */
#ifndef PARE_PRUNE_LAYERS_H
#define PARE_PRUNE_LAYERS_H

#include "compress/pass.h"

typedef struct pare_layer_choice {
  pare_name_list layers, exclude; /* layers empty: all */
} pare_layer_choice;

#define PARE_LAYER_CHOICE_ROWS(owner, member)                                                                \
  {.name = "layers",                                                                                         \
   .type = PARE_PARAM_LAYERS,                                                                                \
   .offset = offsetof(owner, member.layers),                                                                 \
   .unit = "",                                                                                               \
   .help = "Only these layers; none named: all."},                                                           \
  {                                                                                                          \
    .name = "exclude", .type = PARE_PARAM_LAYERS, .offset = offsetof(owner, member.exclude), .unit = "",     \
    .help = "Layers that stay as they are."                                                                  \
  }

bool pare_names_have(const pare_name_list *list, const char *name);
bool pare_layer_chosen(const pare_layer_choice *choice, const char *node_name);
/* BAD_RECIPE names a layer that is not in the model. */
pare_status pare_layer_choice_check(const pare_model *model, const pare_layer_choice *choice);

#endif
