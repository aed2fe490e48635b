package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the pickles inside PyTorch's checkpoints without running anything.
 *
 * <p>A pickle is a program for a small stack machine that may call any Python function. This
 * machine knows the operations for plain values and collections, and only the functions that
 * describe a tensor, make a dictionary or note a number; it refuses every other function by name.
 * Python's {@code None} becomes {@link #NONE}, a tuple becomes a list. An object of TorchScript,
 * whose class is code in the file that never runs, becomes a {@link ScriptObject}.
 */
final class TorchPickle {
  /** Python's {@code None}. */
  static final Object NONE = new Object();

  private static final Object MARK = new Object();
  private static final int MAX_DEPTH = 1 << 20;

  private static final Map<String, DType> STORAGES =
      Map.of(
          "torch.FloatStorage", DType.FLOAT32,
          "torch.DoubleStorage", DType.FLOAT64,
          "torch.HalfStorage", DType.FLOAT16,
          "torch.BFloat16Storage", DType.BFLOAT16,
          "torch.LongStorage", DType.INT64,
          "torch.IntStorage", DType.INT32,
          "torch.ShortStorage", DType.INT16,
          "torch.CharStorage", DType.INT8,
          "torch.ByteStorage", DType.UINT8,
          "torch.BoolStorage", DType.BOOL);

  /** The Python package of the classes inside a TorchScript file. */
  private static final String SCRIPT = "__torch__.";

  /** A dictionary of parameters, as the authors of textual inversion save their vectors. */
  private static final String PARAMETERS = "torch.nn.modules.container.ParameterDict";

  /** A value beside the weights that PyTorch (Lightning) notes, such as a number of NumPy. */
  private static final Object NOTE = new Object();

  /** A function or class that the pickle names. */
  private record Global(String name) {}

  /** The attributes of an object, by name. */
  record ScriptObject(Map<Object, Object> attributes) {}

  /** {@code numel} elements that lie in the checkpoint under {@code key}. */
  record Storage(String key, DType dtype, long numel) {}

  /**
   * A view of a storage: {@code strides} gives the distance between neighbours along each
   * dimension.
   */
  record StoredTensor(Storage storage, long offset, List<Long> shape, List<Long> strides) {}

  private final Path file;
  private final PickleInput in;
  private final List<Object> stack = new ArrayList<>();
  private final Map<Long, Object> memo = new HashMap<>();
  private final Map<String, Storage> storages = new LinkedHashMap<>();
  private Object value;

  private TorchPickle(Path file, InputStream in) throws IOException {
    this.file = file;
    this.in = new PickleInput(file, in);
  }

  /**
   * Reads one pickle and leaves {@code in} just after its end.
   *
   * @throws SfumatoException naming {@code file} and the refused function or the fault
   */
  static TorchPickle read(Path file, InputStream in) throws IOException {
    try {
      TorchPickle pickle = new TorchPickle(file, in);
      pickle.value = pickle.run();
      return pickle;
    } catch (EOFException e) {
      throw new SfumatoException(file + ": ends inside its pickle: the file is truncated", e);
    } catch (IndexOutOfBoundsException | ClassCastException | ArithmeticException e) {
      throw new SfumatoException(file + ": holds a broken pickle: the file is damaged", e);
    }
  }

  /** Returns the pickled value. */
  Object value() {
    return value;
  }

  /** Returns all storages to which the value refers, by key. */
  Map<String, Storage> storages() {
    return storages;
  }

  private Object run() throws IOException {
    for (int op = in.next(); op != '.'; op = in.next()) {
      Object literal = literal(op);
      if (literal != null) {
        push(literal);
      } else if (!collect(op) && !remember(op) && !call(op)) {
        throw broken("uses the pickle operation 0x" + Integer.toHexString(op));
      }
    }
    return pop();
  }

  // ---- the machine's operations, by the names of Python's pickletools

  private Object literal(int op) throws IOException {
    return switch (op) {
      case 'N' -> NONE;
      case 0x88 -> true; // NEWTRUE
      case 0x89 -> false; // NEWFALSE
      case 'J' -> (long) (int) in.number(4); // BININT
      case 'K' -> in.number(1); // BININT1
      case 'M' -> in.number(2); // BININT2
      case 0x8a -> PickleInput.integer(in.bytes(in.number(1))); // LONG1
      case 'G' -> ByteBuffer.wrap(in.bytes(8)).getDouble(); // BINFLOAT
      case 'X', 'T' -> in.text(in.number(4)); // BINUNICODE, BINSTRING
      case 0x8c, 'U' -> in.text(in.number(1)); // SHORT_BINUNICODE, SHORT_BINSTRING
      case '}' -> new LinkedHashMap<Object, Object>(); // EMPTY_DICT
      case ']', ')' -> new ArrayList<Object>(); // EMPTY_LIST, EMPTY_TUPLE
      case '(' -> MARK;
      case 'c' -> global(in.line(), in.line()); // GLOBAL
      default -> null;
    };
  }

  private boolean collect(int op) {
    switch (op) {
      case 't' -> push(popMarked()); // TUPLE
      case 0x85, 0x86, 0x87 -> push(popLast(op - 0x84)); // TUPLE1 to TUPLE3
      case 'a' -> append(popLast(1)); // APPEND
      case 'e' -> append(popMarked()); // APPENDS
      case 's' -> setItems(popLast(2)); // SETITEM
      case 'u' -> setItems(popMarked()); // SETITEMS
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean remember(int op) throws IOException {
    switch (op) {
      case 0x80 -> in.next(); // PROTO
      case 0x95 -> in.bytes(8); // FRAME
      case 'q' -> memo.put(in.number(1), top()); // BINPUT
      case 'r' -> memo.put(in.number(4), top()); // LONG_BINPUT
      case 0x94 -> memo.put((long) memo.size(), top()); // MEMOIZE
      case 'h' -> push(recall(in.number(1))); // BINGET
      case 'j' -> push(recall(in.number(4))); // LONG_BINGET
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean call(int op) {
    switch (op) {
      case 0x93 -> { // STACK_GLOBAL
        List<Object> names = popLast(2);
        push(global((String) names.get(0), (String) names.get(1)));
      }
      case 'R' -> { // REDUCE
        List<?> arguments = (List<?>) pop();
        push(result((Global) pop(), arguments));
      }
      case 0x81 -> { // NEWOBJ
        pop();
        push(scriptObject((Global) pop()));
      }
      case 'b' -> setAttributes(pop()); // BUILD
      case 'Q' -> push(storage((List<?>) pop())); // BINPERSID
      default -> {
        return false;
      }
    }
    return true;
  }

  private void setAttributes(Object attributes) {
    if (top() instanceof ScriptObject object) {
      ((Map<?, ?>) attributes).forEach((name, value) -> put(object.attributes(), name, value));
    } else if (top() != NOTE
        && !(top() instanceof Map)) { // a state dict carries its version this way
      throw broken("sets attributes of something that is not a dictionary");
    }
  }

  // ---- the functions that may be called

  private ScriptObject scriptObject(Global type) {
    if (!type.name().startsWith(SCRIPT) && !type.name().equals(PARAMETERS)) {
      throw type.name().matches("(collections|torch)\\..*")
          ? broken("makes an object of " + type.name())
          : refused(type);
    }
    return new ScriptObject(new LinkedHashMap<>());
  }

  /** Returns a name, which may stand in a dictionary; only {@link #result} calls functions. */
  private static Global global(String module, String function) {
    return new Global(module + "." + function);
  }

  private SfumatoException refused(Global function) {
    return new SfumatoException(
        file
            + ": asks to run '"
            + function.name()
            + "', which is refused: only tensors are read; use a safetensors file");
  }

  private Object result(Global function, List<?> arguments) {
    return switch (function.name()) {
      case "collections.OrderedDict" -> {
        Map<Object, Object> items = new LinkedHashMap<>();
        if (!arguments.isEmpty()) {
          for (Object pair : (List<?>) arguments.get(0)) {
            put(items, ((List<?>) pair).get(0), ((List<?>) pair).get(1));
          }
        }
        yield items;
      }
      case "torch.Size",
          "torch._utils._rebuild_parameter",
          "torch.jit._pickle.build_boollist",
          "torch.jit._pickle.build_doublelist",
          "torch.jit._pickle.build_intlist",
          "torch.jit._pickle.build_tensorlist",
          "torch.jit._pickle.restore_type_tag" ->
          arguments.get(0);
      case "__builtin__.set",
          "builtins.set",
          "_codecs.encode",
          "numpy.dtype",
          "numpy.core.multiarray.scalar",
          "numpy._core.multiarray.scalar" ->
          NOTE;
      case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2" ->
          new StoredTensor(
              (Storage) arguments.get(0),
              (Long) arguments.get(1),
              longs(arguments.get(2)),
              longs(arguments.get(3)));
      default -> throw refused(function);
    };
  }

  /** Reads a storage from {@code ("storage", type, key, device, number of elements)}. */
  private Storage storage(List<?> id) {
    DType dtype = STORAGES.get(((Global) id.get(1)).name());
    if (!id.get(0).equals("storage") || dtype == null) {
      throw broken("refers to something that is not a storage");
    }
    if (id.size() > 5 && id.get(5) != NONE) {
      throw broken("holds views of storages: save it again with a newer PyTorch");
    }
    Storage storage = new Storage((String) id.get(2), dtype, (Long) id.get(4));
    Storage known = storages.putIfAbsent(storage.key(), storage);
    if (known != null && !known.equals(storage)) {
      throw broken("describes storage '" + storage.key() + "' in two ways");
    }
    return storage;
  }

  private static List<Long> longs(Object numbers) {
    return ((List<?>) numbers).stream().map(n -> (Long) n).toList();
  }

  // ---- stack and collections

  private void push(Object value) {
    if (stack.size() >= MAX_DEPTH) {
      throw broken("nests too deeply");
    }
    stack.add(value);
  }

  private Object top() {
    return stack.get(stack.size() - 1);
  }

  private Object pop() {
    return stack.remove(stack.size() - 1);
  }

  private List<Object> popLast(int count) {
    List<Object> last = stack.subList(stack.size() - count, stack.size());
    List<Object> values = new ArrayList<>(last);
    last.clear();
    return values;
  }

  private List<Object> popMarked() {
    List<Object> values = popLast(stack.size() - 1 - stack.lastIndexOf(MARK));
    pop();
    return values;
  }

  private Object recall(long index) {
    Object value = memo.get(index);
    if (value == null) {
      throw broken("recalls a value that it never stored");
    }
    return value;
  }

  @SuppressWarnings("unchecked")
  private void append(List<Object> values) {
    ((List<Object>) top()).addAll(values);
  }

  @SuppressWarnings("unchecked")
  private void setItems(List<Object> keysAndValues) {
    Map<Object, Object> map = (Map<Object, Object>) top();
    for (int i = 0; i < keysAndValues.size(); i += 2) {
      put(map, keysAndValues.get(i), keysAndValues.get(i + 1));
    }
  }

  private void put(Map<Object, Object> map, Object key, Object value) {
    // Collections are refused as keys: hashing one that contains itself would never end.
    if (!(key instanceof String
        || key instanceof Number
        || key instanceof Boolean
        || key instanceof Global)) { // PyTorch Lightning sorts its notes by classes
      throw broken("has a dictionary key that is neither text nor a number");
    }
    if (key instanceof String name && name.length() > PickleInput.MAX_NAME) {
      throw broken("has a name of more than " + PickleInput.MAX_NAME + " characters");
    }
    map.put(key, value);
  }

  private SfumatoException broken(String problem) {
    return in.broken(problem);
  }
}
