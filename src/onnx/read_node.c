/* NodeProto and AttributeProto. Attributes of a type that no operator here reads (sparse tensors, lists of
 * tensors, references to a function's attributes) keep their encoded form. What graphs among them read from
 * around them counts as inputs of the node (captured), so that it stays alive and in order. */
#include "onnx/onnx.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
  NODE_INPUT = 1,
  NODE_OUTPUT = 2,
  NODE_NAME = 3,
  NODE_OP_TYPE = 4,
  NODE_ATTRIBUTE = 5,
  NODE_DOC = 6,
  NODE_DOMAIN = 7
};
enum {
  ATTR_NAME = 1,
  ATTR_F = 2,
  ATTR_I = 3,
  ATTR_S = 4,
  ATTR_T = 5,
  ATTR_G = 6,
  ATTR_FLOATS = 7,
  ATTR_INTS = 8,
  ATTR_STRINGS = 9,
  ATTR_GRAPHS = 11,
  ATTR_TYPE = 20,
  ATTR_REF = 21
};

/* ---- attributes ---------------------------------------------------------------------------------------- */

/* What an attribute message holds, before anything of it is taken. */
typedef struct attr_scan {
  uint64_t type, seen; /* seen: bit per field number */
  pare_wire_field f, i, s, t;
  size_t n_strings;
  bool texts;      /* every string is text without a zero */
  const char *ref; /* the attribute of the function's call that this one stands for */
} attr_scan;

static pare_status scan_attr(pare_onnx_reader *reader, const pare_wire *message, pare_attr *attr,
                             attr_scan *out) {
  pare_wire wire = *message;
  *out = (attr_scan){.texts = true};
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) break;
    if (field.number < 64) out->seen |= PARE_FIELD_BIT(field.number);
    switch (field.number) {
    case ATTR_NAME:
      PARE_TRY(pare_onnx_text(reader, &wire, &field, "an attribute's name", &attr->name));
      break;
    case ATTR_TYPE:
      PARE_TRY(pare_wire_expect(&wire, &field, PARE_VARINT, "an attribute's type"));
      out->type = field.value;
      break;
    case ATTR_F:
      PARE_TRY(pare_wire_expect(&wire, &field, PARE_FIXED32, "f"));
      out->f = field;
      break;
    case ATTR_I:
      PARE_TRY(pare_wire_expect(&wire, &field, PARE_VARINT, "i"));
      out->i = field;
      break;
    case ATTR_S:
      PARE_TRY(pare_wire_expect(&wire, &field, PARE_BYTES, "s"));
      out->s = field;
      out->texts = out->texts && pare_onnx_is_text(field.bytes);
      break;
    case ATTR_T:
      PARE_TRY(pare_wire_expect(&wire, &field, PARE_BYTES, "t"));
      out->t = field;
      break;
    case ATTR_REF: PARE_TRY(pare_onnx_text(reader, &wire, &field, "ref_attr_name", &out->ref)); break;
    case ATTR_STRINGS:
      PARE_TRY(pare_wire_expect(&wire, &field, PARE_BYTES, "strings"));
      out->n_strings++;
      out->texts = out->texts && pare_onnx_is_text(field.bytes);
      break;
    default: break;
    }
  }
  if (attr->name && *attr->name) return PARE_OK;
  return pare_fail(reader->ctx, PARE_BAD_MODEL, "offset %zu: an attribute has no name",
                   pare_wire_offset(message, message->at));
}

/* Files of IR version 1 do not say the type: the field that is there does. */
static pare_attr_type attr_type(const attr_scan *scan) {
  static const struct {
    int field;
    pare_attr_type type;
  } by_field[] = {
      {ATTR_F, PARE_ATTR_FLOAT},         {ATTR_I, PARE_ATTR_INT},         {ATTR_S, PARE_ATTR_STRING},
      {ATTR_T, PARE_ATTR_TENSOR},        {ATTR_FLOATS, PARE_ATTR_FLOATS}, {ATTR_INTS, PARE_ATTR_INTS},
      {ATTR_STRINGS, PARE_ATTR_STRINGS}, {ATTR_G, PARE_ATTR_GRAPH},       {ATTR_GRAPHS, PARE_ATTR_GRAPHS}};
  if (scan->seen & PARE_FIELD_BIT(ATTR_REF)) return PARE_ATTR_RAW;
  for (size_t i = 0; i < PARE_COUNT(by_field); i++) {
    bool here = (scan->seen & PARE_FIELD_BIT(by_field[i].field)) != 0;
    if (scan->type == 0 && here) return by_field[i].type;
    if (scan->type == (uint64_t)by_field[i].type) {
      bool must = by_field[i].type == PARE_ATTR_TENSOR || by_field[i].type == PARE_ATTR_GRAPH;
      bool text = by_field[i].type == PARE_ATTR_STRING || by_field[i].type == PARE_ATTR_STRINGS;
      return (must && !here) || (text && !scan->texts) ? PARE_ATTR_RAW : by_field[i].type;
    }
  }
  return PARE_ATTR_RAW;
}

static pare_status read_ints(pare_onnx_reader *reader, const pare_wire *message, pare_attr *attr) {
  pare_wire_numbers numbers = pare_wire_numbers_of(message, ATTR_INTS, PARE_VARINT);
  PARE_TRY(pare_wire_numbers_count(numbers, &attr->n));
  int64_t *ints = pare_arena_array(&reader->model->arena, attr->n, sizeof(*ints));
  if (!ints) return PARE_OUT_OF_MEMORY;
  for (size_t i = 0; i < attr->n; i++) {
    uint64_t bits;
    bool more;
    PARE_TRY(pare_wire_numbers_next(&numbers, &bits, &more));
    ints[i] = (int64_t)bits;
  }
  attr->ints = ints;
  return PARE_OK;
}

static pare_status read_floats(pare_onnx_reader *reader, const pare_wire *message, pare_attr *attr) {
  pare_wire_numbers numbers = pare_wire_numbers_of(message, ATTR_FLOATS, PARE_FIXED32);
  PARE_TRY(pare_wire_numbers_count(numbers, &attr->n));
  float *floats = pare_arena_array(&reader->model->arena, attr->n, sizeof(*floats));
  if (!floats) return PARE_OUT_OF_MEMORY;
  for (size_t i = 0; i < attr->n; i++) {
    uint64_t bits;
    bool more;
    PARE_TRY(pare_wire_numbers_next(&numbers, &bits, &more));
    floats[i] = pare_wire_f32(bits);
  }
  attr->floats = floats;
  return PARE_OK;
}

static pare_status read_strings(pare_onnx_reader *reader, const pare_wire *message, size_t n,
                                pare_attr *attr) {
  const char **strings = pare_arena_array(&reader->model->arena, n, sizeof(*strings));
  if (!strings) return PARE_OUT_OF_MEMORY;
  attr->strings = strings;
  for (pare_wire wire = *message; attr->n < n;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == ATTR_STRINGS)
      PARE_TRY(pare_onnx_text(reader, &wire, &field, "strings", &strings[attr->n++]));
  }
  return PARE_OK;
}

static pare_status read_tensor(pare_onnx_reader *reader, const pare_wire *message, const attr_scan *scan,
                               const pare_wire_field *whole, pare_attr *attr) {
  pare_wire tensor;
  PARE_TRY(pare_wire_enter(message, &scan->t, &tensor));
  pare_tensor_proto proto;
  PARE_TRY(pare_onnx_tensor_scan(&tensor, &proto));
  if (!pare_dtype_known(proto.dtype) || pare_dtype_bits((pare_dtype)proto.dtype) == 0) {
    attr->type = PARE_ATTR_RAW; /* strings, complex numbers: carried along */
    uint8_t *copy = pare_arena_alloc(&reader->model->arena, whole->bytes.len_bytes);
    if (!copy) return PARE_OUT_OF_MEMORY;
    memcpy(copy, whole->bytes.data, whole->bytes.len_bytes);
    attr->raw = (pare_span){copy, whole->bytes.len_bytes};
    return PARE_OK;
  }
  char what[160];
  snprintf(what, sizeof(what), "attribute '%.100s'", attr->name);
  return pare_onnx_load(reader, &proto, what, &attr->tensor);
}

/* Outer values that the graphs of a node read, graph by graph. */
typedef struct captures {
  int *values;
  int n;
} captures;

static pare_status add_captured(pare_arena *arena, captures *all, const int *values, int n) {
  int *bigger = pare_arena_array(arena, (size_t)all->n + (size_t)n, sizeof(*bigger));
  if (!bigger) return PARE_OUT_OF_MEMORY;
  if (all->n) memcpy(bigger, all->values, (size_t)all->n * sizeof(*bigger));
  if (n) memcpy(bigger + all->n, values, (size_t)n * sizeof(*bigger));
  all->values = bigger;
  all->n += n;
  return PARE_OK;
}

/* The encoded form is kept too, and written as long as it says the same. */
static pare_status read_graphs(pare_onnx_reader *reader, const pare_wire *message, pare_attr *attr,
                               captures *all) {
  uint32_t number = attr->type == PARE_ATTR_GRAPH ? ATTR_G : ATTR_GRAPHS;
  size_t n = 0;
  pare_wire_field field;
  for (pare_wire wire = *message;;) {
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) break;
    n += field.number == number;
  }
  /* In a function names change, and before opset 7 the form: then it is encoded anew. */
  if (!reader->call && pare_model_opset(reader->model, "") >= 7)
    PARE_TRY(pare_onnx_keep(reader, message, 0, &attr->raw));
  attr->graphs = pare_arena_array(&reader->model->arena, n, sizeof(*attr->graphs));
  if (!attr->graphs) return PARE_OUT_OF_MEMORY;
  for (pare_wire wire = *message; attr->n < n;) {
    pare_wire graph;
    int *captured;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number != number) continue;
    PARE_TRY(pare_wire_enter(&wire, &field, &graph));
    PARE_TRY(pare_onnx_read_inner(reader, &graph, &attr->graphs[attr->n], &captured));
    const pare_model *made = attr->graphs[attr->n++];
    PARE_TRY(add_captured(&reader->model->arena, all, captured, made->n_captured));
    if (attr->type == PARE_ATTR_GRAPH) break; /* a field given twice: the parser's rules aside, the first */
  }
  return PARE_OK;
}

static pare_status read_attr(pare_onnx_reader *reader, const pare_wire *node, const pare_wire_field *whole,
                             pare_attr *attr, captures *all);

/* The default of a function's attribute (FunctionProto.attribute_proto); `attr` keeps no name when there is none. */
static pare_status read_default(pare_onnx_reader *reader, const char *name, pare_attr *attr, captures *all) {
  enum { FUNCTION_DEFAULT = 11 };
  pare_wire_field field;
  for (pare_wire wire = *reader->function;;) {
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) return PARE_OK;
    if (field.number != FUNCTION_DEFAULT) continue;
    pare_attr found = {0};
    pare_wire message;
    attr_scan scan;
    PARE_TRY(pare_wire_enter(&wire, &field, &message));
    PARE_TRY(scan_attr(reader, &message, &found, &scan));
    if (strcmp(found.name, name) != 0) continue;
    if (scan.ref)
      return pare_fail(reader->ctx, PARE_BAD_MODEL, "attribute '%s': its default is a reference", name);
    return read_attr(reader, &wire, &field, attr, all);
  }
}

/* Inside a function, an attribute that refers to one of the call's. */
static pare_status read_reference(pare_onnx_reader *reader, const char *ref, pare_attr *attr, captures *all) {
  const char *name = attr->name;
  const pare_attr *given = pare_node_attr(reader->call, ref);
  *attr = (pare_attr){0};
  if (given && pare_attr_has_graphs(given))
    return pare_fail(reader->ctx, PARE_UNSUPPORTED, "attribute '%s': a graph given to a function", ref);
  if (given)
    PARE_TRY(pare_attr_copy(reader->model, given, attr));
  else
    PARE_TRY(read_default(reader, ref, attr, all));
  if (attr->name) attr->name = name;
  return PARE_OK;
}

static pare_status read_attr(pare_onnx_reader *reader, const pare_wire *node, const pare_wire_field *whole,
                             pare_attr *attr, captures *all) {
  pare_wire message;
  attr_scan scan;
  PARE_TRY(pare_wire_enter(node, whole, &message));
  PARE_TRY(scan_attr(reader, &message, attr, &scan));
  if (scan.ref && *scan.ref && reader->call) return read_reference(reader, scan.ref, attr, all);
  attr->type = attr_type(&scan);
  switch (attr->type) {
  case PARE_ATTR_FLOAT: attr->f = pare_wire_f32(scan.f.value); return PARE_OK;
  case PARE_ATTR_INT: attr->i = (int64_t)scan.i.value; return PARE_OK;
  case PARE_ATTR_STRING:
    attr->s = pare_arena_text_n(&reader->model->arena,
                                scan.s.bytes.len_bytes ? (const void *)scan.s.bytes.data : "",
                                scan.s.bytes.len_bytes);
    return attr->s ? PARE_OK : PARE_OUT_OF_MEMORY;
  case PARE_ATTR_TENSOR: return read_tensor(reader, &message, &scan, whole, attr);
  case PARE_ATTR_FLOATS: return read_floats(reader, &message, attr);
  case PARE_ATTR_INTS: return read_ints(reader, &message, attr);
  case PARE_ATTR_STRINGS: return read_strings(reader, &message, scan.n_strings, attr);
  case PARE_ATTR_GRAPH:
  case PARE_ATTR_GRAPHS: return read_graphs(reader, &message, attr, all);
  default: return pare_onnx_keep(reader, &message, 0, &attr->raw);
  }
}

/* ---- nodes --------------------------------------------------------------------------------------------- */

static pare_status grow_nodes(pare_model *model) {
  if (model->n_nodes < model->cap_nodes) return PARE_OK;
  if (model->cap_nodes > INT32_MAX / 4) return pare_fail(model->ctx, PARE_BAD_MODEL, "too many nodes");
  int capacity = model->cap_nodes ? 2 * model->cap_nodes : 16;
  pare_node *bigger = pare_arena_array(&model->arena, (size_t)capacity, sizeof(*bigger));
  if (!bigger) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_nodes; i++) bigger[i] = model->nodes[i];
  model->nodes = bigger;
  model->cap_nodes = capacity;
  return PARE_OK;
}

/* Layers are named by their nodes: a missing name is made from the operator, a second use of a name gets a
 * number. */
static pare_status name_node(pare_onnx_reader *reader, pare_node *node, int i_node) {
  const char *stem = node->name && *node->name ? node->name : node->op_type;
  const char *name = node->name && *node->name ? node->name : "";
  for (int i = i_node; !*name || pare_names_find(&reader->nodes, name) >= 0; i++) {
    name = pare_arena_printf(&reader->model->arena, "%s_%d", stem, i);
    if (!name) return PARE_OUT_OF_MEMORY;
  }
  node->name = name;
  return pare_names_add(&reader->nodes, name, i_node);
}

typedef struct node_counts {
  size_t inputs, outputs, attrs;
} node_counts;

static pare_status read_texts(pare_onnx_reader *reader, const pare_wire *message, pare_node *node,
                              node_counts *counts) {
  pare_wire wire = *message;
  node->op_type = node->domain = "";
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    switch (field.number) {
    case 0: return PARE_OK;
    case NODE_INPUT: counts->inputs++; break;
    case NODE_OUTPUT: counts->outputs++; break;
    case NODE_ATTRIBUTE: counts->attrs++; break;
    case NODE_NAME: PARE_TRY(pare_onnx_text(reader, &wire, &field, "a node's name", &node->name)); break;
    case NODE_OP_TYPE: PARE_TRY(pare_onnx_text(reader, &wire, &field, "op_type", &node->op_type)); break;
    case NODE_DOMAIN:
      PARE_TRY(pare_onnx_text(reader, &wire, &field, "a node's domain", &node->domain));
      break;
    case NODE_DOC: PARE_TRY(pare_onnx_text(reader, &wire, &field, "a node's doc_string", &node->doc)); break;
    default: break;
    }
  }
}

static pare_status link_value(pare_onnx_reader *reader, const pare_wire *wire, const pare_wire_field *field,
                              int *out) {
  const char *name;
  PARE_TRY(pare_onnx_text(reader, wire, field, "an input or output", &name));
  *out = -1;
  return *name ? pare_onnx_value(reader, name, out) : PARE_OK;
}

static pare_status read_links(pare_onnx_reader *reader, const pare_wire *message, pare_node *node,
                              captures *all) {
  pare_wire wire = *message;
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) return PARE_OK;
    if (field.number == NODE_INPUT) {
      PARE_TRY(link_value(reader, &wire, &field, &node->inputs[node->n_inputs]));
      node->n_inputs++;
    } else if (field.number == NODE_OUTPUT) {
      PARE_TRY(link_value(reader, &wire, &field, &node->outputs[node->n_outputs]));
      node->n_outputs++;
    } else if (field.number == NODE_ATTRIBUTE) {
      node->n_attrs++; /* first: what it counts is released with the model */
      PARE_TRY(read_attr(reader, &wire, &field, &node->attrs[node->n_attrs - 1], all));
      if (!node->attrs[node->n_attrs - 1].name) node->n_attrs--; /* refers to what the call does not give */
    }
  }
}

static pare_status add_captured_inputs(pare_onnx_reader *reader, pare_node *node, const captures *found) {
  captures inputs = {node->inputs, node->n_inputs};
  if (found->n == 0) return PARE_OK;
  PARE_TRY(add_captured(&reader->model->arena, &inputs, found->values, found->n));
  node->inputs = inputs.values;
  node->n_inputs = inputs.n;
  node->n_captured = found->n;
  return PARE_OK;
}

static pare_status fill_node(pare_onnx_reader *reader, const pare_wire *message, const node_counts *counts,
                             pare_node *node) {
  pare_arena *arena = &reader->model->arena;
  node->inputs = pare_arena_array(arena, counts->inputs, sizeof(*node->inputs));
  node->outputs = pare_arena_array(arena, counts->outputs, sizeof(*node->outputs));
  node->attrs = pare_arena_array(arena, counts->attrs, sizeof(*node->attrs));
  if (!node->inputs || !node->outputs || !node->attrs) return PARE_OUT_OF_MEMORY;
  uint64_t known = 0;
  for (int i = NODE_INPUT; i <= NODE_DOMAIN; i++) known |= PARE_FIELD_BIT(i);
  PARE_TRY(pare_onnx_keep(reader, message, known, &node->extra));
  captures found = {0};
  PARE_TRY(read_links(reader, message, node, &found));
  return add_captured_inputs(reader, node, &found);
}

pare_status pare_onnx_read_node(pare_onnx_reader *reader, const pare_wire *message) {
  pare_model *model = reader->model;
  PARE_TRY(grow_nodes(model));
  int i_node = model->n_nodes;
  pare_node *node = &model->nodes[i_node];
  *node = (pare_node){.clamp_low = -INFINITY, .clamp_high = INFINITY};
  node_counts counts = {0};
  PARE_TRY(read_texts(reader, message, node, &counts));
  if (!*node->op_type) {
    return pare_fail(reader->ctx, PARE_BAD_MODEL, "offset %zu: node %d has no op_type",
                     pare_wire_offset(message, message->at), i_node);
  }
  if (strcmp(node->domain, "ai.onnx") == 0) node->domain = "";
  PARE_TRY(name_node(reader, node, i_node));
  model->n_nodes++; /* from here on the model releases its tensors */
  pare_status status = fill_node(reader, message, &counts, node);
  return status == PARE_OK
             ? status
             : pare_fail_within(reader->ctx, status, "node '%s' (%s)", node->name, node->op_type);
}
