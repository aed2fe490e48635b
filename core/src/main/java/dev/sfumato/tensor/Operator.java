package dev.sfumato.tensor;

import java.util.List;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Argument;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Type;

/**
 * An operator of the engine for which the binding has no method. Its calls are not recorded for
 * gradients.
 */
final class Operator {
  private final OperatorHandle handle;

  private Operator(OperatorHandle handle) {
    this.handle = handle;
  }

  /** Finds an operator by its name with the library it belongs to, and its overload or "". */
  static Operator of(String name, String overload) {
    return new Operator(
        Engine.call(() -> Dispatcher.singleton().findSchemaOrThrow(name, overload)));
  }

  /**
   * Calls the operator and returns its tensors, if any.
   *
   * @param arguments tensors, numbers, flags, strings, null for none, lists of tensors, and empty
   *     lists of what the operator takes
   */
  List<Tensor> call(Object... arguments) {
    return Engine.call(
        () -> {
          try (Autograd.Recording off = Autograd.off();
              IValueVector stack = new IValueVector()) {
            for (int i = 0; i < arguments.length; i++) {
              try (IValue value = value(i, arguments[i])) {
                stack.push_back(value);
              }
            }
            handle.callBoxed(stack);
            return tensors(stack);
          }
        });
  }

  private static List<Tensor> tensors(IValueVector stack) {
    if (stack.empty()) {
      return List.of();
    }
    IValue result = stack.get(0);
    if (result.isTensor()) {
      return List.of(own(result.toTensor()));
    }
    try (TensorVector list = result.toTensorVector()) {
      return LongStream.range(0, list.size()).mapToObj(i -> own(list.get(i))).toList();
    }
  }

  /** Copies a handle, since the engine returns a reference into its own list. */
  private static Tensor own(org.bytedeco.pytorch.Tensor part) {
    return Tensor.make(() -> new org.bytedeco.pytorch.Tensor(part));
  }

  private IValue value(int index, Object argument) {
    if (argument == null) {
      return new IValue();
    } else if (argument instanceof Boolean b) {
      return new IValue((boolean) b);
    } else if (argument instanceof Double d) {
      return new IValue((double) d);
    } else if (argument instanceof String text) {
      return new IValue(text);
    } else if (argument instanceof Tensor tensor) {
      return new IValue(tensor.handle());
    }
    return list(index, (List<?>) argument);
  }

  private IValue list(int index, List<?> elements) {
    try (Argument all = handle.schema().arguments();
        Type.TypePtr element = all.getPointer(index).type().get().containedType(0);
        GenericList list = new GenericList(element)) {
      for (Object tensor : elements) {
        try (IValue value = new IValue(((Tensor) tensor).handle())) {
          list.push_back(value);
        }
      }
      return new IValue(list);
    }
  }
}
