// Asks an exported model through TensorFlow's C API, without Python:
//
//   serve_in_c FOLDER INPUT=VALUE ... OUTPUT ...
//
// Inputs and outputs are tensors of the SavedModel in FOLDER, by the names that
// `saved_model_cli show` prints. Every input is a batch of one row. Each output is
// printed on a line of its own. A failure is one line and exit status 1, besides what
// TensorFlow logs.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tensorflow/c/c_api.h>

static void check(int passed, const char *what, const char *why) {
  if (passed) return;
  fprintf(stderr, "error: %s: %.*s\n", what, (int)strcspn(why, "\n"), why);
  exit(1);
}

static TF_Output find(TF_Graph *graph, const char *name) {  // OPERATION:INDEX
  char operation[256] = "";
  int index = -1;
  sscanf(name, "%255[^:]:%d", operation, &index);
  TF_Output tensor = {TF_GraphOperationByName(graph, operation), index};
  int found = tensor.oper && index >= 0 && index < TF_OperationNumOutputs(tensor.oper);
  check(found, name, "expected a tensor of the model, like NAME:0");
  return tensor;
}

static TF_Tensor *one_row(const char *name, TF_DataType type, const char *value) {
  size_t size = type == TF_STRING ? sizeof(TF_TString) : TF_DataTypeSize(type);
  TF_Tensor *tensor = TF_AllocateTensor(type, (int64_t[]){1}, 1, size);
  void *row = TF_TensorData(tensor);
  char *end = "";
  if (type == TF_STRING) {
    TF_StringInit(row);
    TF_StringCopy(row, value, strlen(value));
  } else if (type == TF_FLOAT) {
    *(float *)row = strtof(value, &end);
  } else {
    check(type == TF_INT32, name, "only strings, float32 and int32 can be given");
    long number = strtol(value, &end, 10);
    check(number == (int32_t)number, name, "expected a number of 32 bits");
    *(int32_t *)row = number;
  }
  check(end != value && !*end, name, "expected a number");
  return tensor;
}

static void print(const char *name, const TF_Tensor *tensor) {
  TF_DataType type = TF_TensorType(tensor);
  int known = type == TF_STRING || type == TF_FLOAT;
  check(known, name, "only strings and float32 can be printed");
  const void *data = TF_TensorData(tensor);
  for (int64_t i = 0; i < TF_TensorElementCount(tensor); i++) {
    if (i) putchar(' ');
    if (type == TF_FLOAT) {
      printf("%.9g", ((const float *)data)[i]);  // nine digits determine a float32
    } else {
      const TF_TString *text = (const TF_TString *)data + i;
      fwrite(TF_StringGetDataPointer(text), 1, TF_StringGetSize(text), stdout);
    }
  }
  putchar('\n');
}

int main(int argc, char **argv) {
  check(argc > 2, argv[0], "expected FOLDER INPUT=VALUE ... OUTPUT ...");
  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  const char *tags[] = {"serve"};
  TF_Session *session = TF_LoadSessionFromSavedModel(  // with weights and vocabulary
      TF_NewSessionOptions(), NULL, argv[1], tags, 1, graph, NULL, status);
  check(TF_GetCode(status) == TF_OK, argv[1], TF_Message(status));

  TF_Output inputs[argc], outputs[argc];
  TF_Tensor *rows[argc], *answers[argc];
  const char *names[argc];  // of the outputs
  int given = 0, asked = 0;
  for (int i = 2; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (value) {
      *value++ = '\0';
      inputs[given] = find(graph, argv[i]);
      TF_DataType type = TF_OperationOutputType(inputs[given]);
      rows[given++] = one_row(argv[i], type, value);
    } else {
      outputs[asked] = find(graph, argv[i]);
      names[asked++] = argv[i];
    }
  }
  TF_SessionRun(session, NULL, inputs, rows, given, outputs, answers, asked, NULL, 0,
                NULL, status);
  check(TF_GetCode(status) == TF_OK, argv[1], TF_Message(status));
  for (int i = 0; i < asked; i++) print(names[i], answers[i]);
  return 0;  // in a longer program: TF_StringDealloc, TF_DeleteTensor, ...
}
