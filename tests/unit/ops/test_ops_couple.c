/* Channel coupling, one operator at a time: which indices must be kept or removed together. A rule
 * "in0/1/2=out0/1/5" says that index 2 of axis 1 of in0 goes with index 5 of axis 1 of out0; "!" in place
 * of "=" says that they do not. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compress/prune/groups.h"
#include "op_case.h"

typedef struct couple_case {
  op_case node;
  const char *rules;
} couple_case;

#define COUPLE(op_, says_, attrs_, inputs_, rules_)                                                          \
  { .node = {.op = op_, .says = says_, .attrs = attrs_, .inputs = inputs_}, .rules = rules_ }

static const couple_case cases[] = {
    COUPLE("Relu", "keeps every index", "", "f32[1,3,2]",
           "in0/1/2=out0/1/2 in0/2/1=out0/2/1 in0/1/0!out0/1/1"),
    COUPLE("Add", "joins both operands", "", "f32[1,3] f32[1,3]",
           "in0/1/1=in1/1/1 in0/1/1=out0/1/1 in0/1/1!in1/1/2"),
    COUPLE("Add", "joins a bias with its channels", "", "f32[1,3,2,2] f32[3,1,1]",
           "in0/1/2=in1/0/2 out0/1/0=in1/0/0"),
    COUPLE("Mul", "leaves a repeated axis alone", "", "f32[1,3] f32[1,1]",
           "in0/1/0=out0/1/0 in1/1/0!out0/1/0"),
    COUPLE("Max", "joins any number of inputs", "", "f32[1,3] f32[3] f32[]",
           "in0/1/2=in1/0/2 in0/1/2=out0/1/2"),
    COUPLE("Flatten", "spreads a channel over its columns", "", "f32[1,3,2,2]",
           "in0/1/0=out0/1/0 in0/1/0=out0/1/3 in0/1/1=out0/1/4 in0/1/2=out0/1/11 in0/1/0!out0/1/4"),
    COUPLE("Reshape", "is a flattening when it says so", "", "f32[1,3,2,2] =s64{1,-1}",
           "in0/1/1=out0/1/4 in0/1/1=out0/1/7 in0/1/1!out0/1/8"),
    COUPLE("Reshape", "follows nothing else", "", "f32[1,4,2] =s64{1,2,4}",
           "in0/1/0!out0/1/0 in0/1/0!out0/2/0"),
    COUPLE("Reshape", "does not follow a shape written in numbers", "", "f32[1,3,2] =s64{1,6}",
           "in0/1/0!out0/1/0"),
    COUPLE("Reshape", "joins directions and hidden units by the unit", "", "f32[2,3,2,4] =s64{0,0,-1}",
           "in0/3/1=out0/2/1 in0/3/1=out0/2/5 in0/3/1!in0/3/2 in0/0/1!in0/0/0"),
    COUPLE("GRU", "ties a hidden unit together, and features to weights", "hidden_size=2",
           "f32[2,1,3] f32[1,6,3] f32[1,6,2] f32[1,12] - f32[1,1,2]",
           "in2/2/1=in1/1/1 in2/2/1=in1/1/5 in2/2/1=in2/1/3 in2/2/1=in3/1/9 in2/2/1=in5/2/1 in2/2/1=out0/3/1 "
           "in0/2/2=in1/2/2 in2/2/0!in2/2/1"),
    COUPLE("RNN", "does not ask a state of zeros", "hidden_size=2",
           "f32[2,1,3] f32[1,2,3] f32[1,2,2] - - =f32[1,1,2]{0}", "in2/2/1=out0/3/1 in2/2/1!in5/2/1"),
    COUPLE("ConvTranspose", "has its outputs in the weights' second axis", "", "f32[1,2,3] f32[2,4,2] f32[4]",
           "in0/1/1=in1/0/1 in1/1/3=in2/0/3 in1/1/3=out0/1/3 in1/1/0!in1/1/1"),
    COUPLE("Resize", "keeps channels", "", "f32[1,3,2] - - =s64{1,3,4}", "in0/1/2=out0/1/2 in0/2/0!out0/2/0"),
    COUPLE("Transpose", "follows the permutation", "perm=0,2,1", "f32[1,3,2]",
           "in0/1/2=out0/2/2 in0/2/1=out0/1/1"),
    COUPLE("Squeeze", "closes the gaps", "", "f32[2,1,3] =s64{1}", "in0/2/2=out0/1/2 in0/0/1=out0/0/1"),
    COUPLE("Unsqueeze", "makes gaps", "", "f32[2,3] =s64{1}", "in0/1/2=out0/2/2 in0/0/1=out0/0/1"),
    COUPLE("Concat", "puts channels one after another", "axis=1", "f32[1,2,2] f32[1,3,2]",
           "in0/1/1=out0/1/1 in1/1/0=out0/1/2 in1/1/2=out0/1/4 in0/2/1=in1/2/1 in0/1/0!in1/1/0"),
    COUPLE("Split", "hands each piece its part", "axis=1", "f32[1,4,3]",
           "in0/2/1=out0/2/1 in0/1/0=out0/1/0 in0/1/3=out1/1/1 in0/1/2!out0/1/0"),
    COUPLE("Slice", "hands on the part it keeps", "", "f32[1,3,4] =s64{1} =s64{3} =s64{2}",
           "in0/1/2=out0/1/2 in0/2/1=out0/2/0 in0/2/0!out0/2/0"),
    COUPLE("Slice", "does not follow an axis with gaps", "", "f32[1,3,4] =s64{0} =s64{4} =s64{2} =s64{2}",
           "in0/1/2=out0/1/2 in0/2/2!out0/2/1"),
    COUPLE("Gather", "keeps the other axes", "axis=1", "f32[1,4,3] =s64[]{2}",
           "in0/2/1=out0/1/1 in0/1/2!out0/1/2"),
    COUPLE("Softmax", "keeps the axes it does not sum", "axis=-1", "f32[1,3,2]",
           "in0/1/1=out0/1/1 in0/2/1!out0/2/1"),
    COUPLE("ReduceMean", "keeps what it does not reduce", "keepdims=0", "f32[1,3,2,2] =s64{2,3}",
           "in0/1/2=out0/1/2"),
    COUPLE("ReduceMean", "keeps places with keepdims", "", "f32[2,3,4] =s64{1}",
           "in0/2/3=out0/2/3 in0/0/1=out0/0/1"),
    COUPLE("Pad", "keeps the axes it does not pad", "", "f32[1,3,2,2] =s64{0,0,1,1,0,0,1,1}",
           "in0/1/2=out0/1/2 in0/2/0!out0/2/1"),
    COUPLE("Expand", "keeps the axes left open", "", "f32[1,3,1] =s64{1,1,4}", "in0/1/2=out0/1/2"),
    COUPLE("Tile", "keeps the axes it does not repeat", "", "f32[1,3,2] =s64{1,1,2}",
           "in0/1/2=out0/1/2 in0/2/0!out0/2/0"),
    COUPLE("DepthToSpace", "joins the blocks of a channel", "blocksize=2", "f32[1,8,1,1]",
           "in0/1/0=out0/1/0 in0/1/2=out0/1/0 in0/1/7=out0/1/1 in0/1/0!in0/1/1"),
    COUPLE("DepthToSpace", "joins neighbours in mode CRD", "blocksize=2 mode='CRD'", "f32[1,8,1,1]",
           "in0/1/0=out0/1/0 in0/1/3=out0/1/0 in0/1/4=out0/1/1 in0/1/3!in0/1/4"),
    COUPLE("SpaceToDepth", "spreads a channel over its blocks", "blocksize=2", "f32[1,2,2,2]",
           "in0/1/1=out0/1/1 in0/1/1=out0/1/7 in0/1/0=out0/1/6"),
    COUPLE("ReverseSequence", "keeps features", "", "f32[2,1,3] s64{1}", "in0/2/1=out0/2/1 in0/0/1!out0/0/1"),
    COUPLE("PRelu", "joins a slope with its channels", "", "f32[1,3,2] f32[3,1]",
           "in0/1/2=out0/1/2 in1/0/2=out0/1/2 in0/1/0!in1/0/1"),
    COUPLE("Elu", "keeps every index", "", "f32[1,3]", "in0/1/2=out0/1/2"),
    COUPLE("Gelu", "keeps every index", "", "f32[1,3]", "in0/1/2=out0/1/2 in0/1/2!out0/1/1"),
    COUPLE("Sum", "joins any number of inputs", "", "f32[1,3] f32[3] f32[1,3]",
           "in0/1/2=in1/0/2 in2/1/2=out0/1/2"),
    COUPLE("InstanceNormalization", "joins scale and bias with their channels", "",
           "f32[1,3,2] f32[3] f32[3]", "in0/1/2=out0/1/2 in1/0/2=out0/1/2 in2/0/2=out0/1/2 in0/2/0!out0/2/0"),
    COUPLE("GroupNormalization", "keeps groups whole", "num_groups=1", "f32[1,3,2] f32[3] f32[3]",
           "in0/1/2!out0/1/2"),
    COUPLE("LayerNormalization", "keeps what it normalises", "axis=2", "f32[1,3,2] f32[2]",
           "in0/1/2=out0/1/2 in0/2/1!out0/2/1"),
    COUPLE("LRN", "keeps neighbouring channels", "size=3", "f32[1,3,2]", "in0/1/1!out0/1/1 in0/2/1=out0/2/1"),
    COUPLE("ReduceL2", "keeps what it does not reduce", "keepdims=0", "f32[1,3,2] =s64{2}",
           "in0/1/2=out0/1/2"),
    COUPLE("ArgMax", "closes the gap", "axis=1 keepdims=0", "f32[1,3,2]",
           "in0/2/1=out0/1/1 in0/1/1!out0/1/1"),
    COUPLE("TopK", "keeps the other axes", "axis=2", "f32[1,3,2] =s64{1}",
           "in0/1/2=out0/1/2 in0/2/0!out0/2/0"),
    COUPLE("CumSum", "keeps the other axes", "", "f32[1,3,2] =s64[]{2}", "in0/1/2=out0/1/2 in0/2/0!out0/2/0"),
    COUPLE("Trilu", "keeps what stands before its matrices", "", "f32[1,3,2,2]",
           "in0/1/2=out0/1/2 in0/2/0!out0/2/0"),
    COUPLE("Dropout", "keeps every index", "", "f32[1,3]", "in0/1/2=out0/1/2"),
    COUPLE("Where", "joins all three", "", "bool[1,3]{1} f32[3] f32[1,3]", "in0/1/1=in1/0/1 in1/0/1=in2/1/1"),
};

static int32_t root_of(const pare_groups *groups, const char *value, int axis, int index) {
  const pare_model *model = groups->session->model;
  const int i = pare_model_find_value(model, value);
  assert_true(i >= 0);
  const int64_t *base = groups->base + (size_t)i * PARE_MAX_RANK + (size_t)axis;
  assert_true(base[0] + index < base[1]);
  return pare_groups_root(groups, base[0] + index);
}

static void rules_hold(void **state) {
  const couple_case *c = *state;
  pare_context *ctx;
  pare_model *model;
  pare_groups *groups;
  op_case node = c->node;
  node.n_out = strcmp(node.op, "Split") == 0 ? 2 : 1;
  op_case_build(&node, &ctx, &model);
  if (pare_groups_new(model, &groups) != PARE_OK) fail_msg("%s", pare_error(ctx));
  for (const char *rule = c->rules; *rule;) {
    char a[8], b[8], sign;
    int a_axis, a_index, b_axis, b_index, used = 0;
    assert_int_equal(sscanf(rule, " %7[a-z0-9]/%d/%d%c%7[a-z0-9]/%d/%d%n", a, &a_axis, &a_index, &sign, b,
                            &b_axis, &b_index, &used),
                     7);
    const bool together = root_of(groups, a, a_axis, a_index) == root_of(groups, b, b_axis, b_index);
    if (together != (sign == '=')) fail_msg("%s %s: %.*s does not hold", node.op, node.says, used, rule);
    rule += used;
  }
  pare_groups_free(groups);
  pare_model_free(model);
  pare_context_free(ctx);
}

int main(void) {
  enum { N = sizeof cases / sizeof cases[0] };
  static struct CMUnitTest tests[N];
  static char names[N][96];
  for (size_t i = 0; i < N; i++) {
    snprintf(names[i], sizeof names[i], "%s %s", cases[i].node.op, cases[i].node.says);
    tests[i] = (struct CMUnitTest){names[i], rules_hold, NULL, NULL, (void *)(uintptr_t)&cases[i]};
  }
  return cmocka_run_group_tests_name("coupling", tests, NULL, NULL);
}
