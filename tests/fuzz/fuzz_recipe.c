/* Recipes: any bytes are read or refused, and nothing else happens. */
#include "recipe/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pare_context *ctx = NULL;
  pare_recipe recipe;
  if (pare_context_new(NULL, &ctx) != PARE_OK) return 0;
  if (pare_recipe_read(ctx, (const char *)data, size, &recipe) == PARE_OK) {
    pare_recipe_check(&recipe, NULL, NULL);
    pare_recipe_free(&recipe);
  }
  pare_context_free(ctx);
  return 0;
}
