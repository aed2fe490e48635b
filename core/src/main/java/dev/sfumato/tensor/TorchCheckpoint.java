package dev.sfumato.tensor;

import static java.util.stream.Collectors.toCollection;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.tensor.TorchPickle.ScriptObject;
import dev.sfumato.tensor.TorchPickle.Storage;
import dev.sfumato.tensor.TorchPickle.StoredTensor;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * State dicts that {@code torch.save} wrote ({@code .bin}, {@code .pt}, {@code .ckpt}), in the zip
 * format and the older one, and the tensors of modules that {@code torch.jit.save} wrote. Nothing
 * in the file is run: a checkpoint that needs more than tensors and dictionaries is refused.
 */
public final class TorchCheckpoint {
  /** The number at the start of the legacy format. */
  private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);

  /** The key of the vectors of a textual inversion. */
  private static final String LEARNED = "string_to_param";

  private static final int CHUNK = 1 << 20;
  private static final int MAX_NAMES = 1 << 16;

  private TorchCheckpoint() {}

  /**
   * Reads a state dict, or the one under {@code state_dict} in a dictionary, the vectors of a
   * textual inversion under its name, or all tensors of a TorchScript module, named by the
   * attributes that lead to them.
   *
   * @return tensors by name on the CPU, in the order of the file; tensors that shared elements when
   *     they were saved share them again
   * @throws SfumatoException naming the file if it cannot be read, is damaged, asks to run a
   *     function, or holds anything other than tensors
   */
  public static Map<String, Tensor> read(Path file) {
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), CHUNK)) {
      in.mark(2);
      byte[] start = in.readNBytes(2);
      in.reset();
      if (start.length == 2 && start[0] == 'P' && start[1] == 'K') {
        return readZip(file);
      }
      if (start.length == 2 && start[0] == (byte) 0x80) {
        return readLegacy(file, in);
      }
      throw new SfumatoException(file + ": is not a PyTorch checkpoint");
    } catch (OutOfMemoryError | StackOverflowError e) {
      throw new SfumatoException(
          file + ": needs more memory than is available: the file is too large or damaged", e);
    } catch (EOFException e) {
      throw new SfumatoException(file + ": ends too early: the file is truncated", e);
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  /**
   * Returns the whole number that lies beside the {@code state_dict} of a file in the zip format,
   * such as {@code global_step}; empty if there is none.
   */
  public static OptionalLong number(Path file, String name) {
    try (ZipFile zip = new ZipFile(file.toFile());
        InputStream in = new BufferedInputStream(zip.getInputStream(pickle(file, zip)))) {
      return TorchPickle.read(file, in).value() instanceof Map<?, ?> outer
              && outer.get(name) instanceof Long number
          ? OptionalLong.of(number)
          : OptionalLong.empty();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  // ---- the two formats

  /**
   * Reads the zip format: {@code NAME/data.pkl} refers to the elements in {@code NAME/data/KEY}.
   */
  private static Map<String, Tensor> readZip(Path file) throws IOException {
    try (ZipFile zip = new ZipFile(file.toFile());
        Scope scope = Scope.open()) {
      ZipEntry pickle = pickle(file, zip);
      String root = pickle.getName().substring(0, pickle.getName().indexOf('/') + 1);
      ZipEntry byteOrder = zip.getEntry(root + "byteorder");
      if (byteOrder != null && !text(zip, byteOrder).equals("little")) {
        throw new SfumatoException(file + ": is big-endian, which is not supported");
      }
      Map<String, StoredTensor> stored;
      try (InputStream in = new BufferedInputStream(zip.getInputStream(pickle))) {
        stored = stateDict(file, TorchPickle.read(file, in).value());
      }
      Map<Storage, Tensor> storages = new HashMap<>();
      long left = Files.size(file);
      for (Storage storage : storagesOf(stored)) {
        ZipEntry entry = zip.getEntry(root + "data/" + storage.key());
        long bytes = bytes(file, storage);
        // The size of a compressed entry may be false; torch.save compresses no entry.
        if (entry == null || entry.getMethod() != ZipEntry.STORED || entry.getSize() != bytes) {
          throw new SfumatoException(
              file + ": storage '" + storage.key() + "' is missing or not of " + bytes + " bytes");
        }
        left -= bytes;
        if (left < 0) {
          throw new SfumatoException(
              file + ": its storages hold more than the file, so they overlap: it is damaged");
        }
        try (InputStream in = zip.getInputStream(entry)) {
          storages.put(storage, elements(in, storage, bytes));
        }
      }
      return tensors(file, scope, stored, storages);
    }
  }

  private static ZipEntry pickle(Path file, ZipFile zip) {
    return zip.stream()
        .map(ZipEntry.class::cast)
        .filter(entry -> entry.getName().matches("[^/]+/data\\.pkl"))
        .findFirst()
        .orElseThrow(() -> new SfumatoException(file + ": is not a PyTorch checkpoint"));
  }

  private static String text(ZipFile zip, ZipEntry entry) throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      return new String(in.readNBytes(16), StandardCharsets.US_ASCII).strip();
    }
  }

  /**
   * Reads the legacy format: pickles of a magic number, a version, a description of the machine,
   * the state dict and the keys of the storages; then for each key the number of elements (int64)
   * and the elements.
   */
  private static Map<String, Tensor> readLegacy(Path file, InputStream in) throws IOException {
    if (!MAGIC.equals(TorchPickle.read(file, in).value())) {
      throw new SfumatoException(file + ": is a pickle, but not a PyTorch checkpoint");
    }
    TorchPickle.read(file, in);
    if (TorchPickle.read(file, in).value() instanceof Map<?, ?> machine
        && Boolean.FALSE.equals(machine.get("little_endian"))) {
      throw new SfumatoException(file + ": is big-endian, which is not supported");
    }
    TorchPickle pickle = TorchPickle.read(file, in);
    Map<String, StoredTensor> stored = stateDict(file, pickle.value());
    if (!(TorchPickle.read(file, in).value() instanceof List<?> keys)
        || !keys.containsAll(pickle.storages().keySet())) {
      throw new SfumatoException(file + ": does not list its storages: the file is damaged");
    }
    try (Scope scope = Scope.open()) {
      Map<Storage, Tensor> storages = new HashMap<>();
      for (Object key : keys) {
        Storage storage = key instanceof String name ? pickle.storages().get(name) : null;
        long numel = ByteBuffer.wrap(exactly(in, 8)).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (storage == null || storage.numel() != numel) {
          throw new SfumatoException(
              file + ": a storage is not the one that its tensors describe: the file is damaged");
        }
        storages.put(storage, elements(in, storage, bytes(file, storage)));
      }
      return tensors(file, scope, stored, storages);
    }
  }

  // ---- tensors

  private static Map<String, StoredTensor> stateDict(Path file, Object pickled) {
    if (pickled instanceof ScriptObject module) {
      return stateDict(file, module);
    }
    if (pickled instanceof Map<?, ?> learned && learned.containsKey(LEARNED)) {
      return embedding(file, learned.get("name"), learned.get(LEARNED));
    }
    Object found =
        pickled instanceof Map<?, ?> outer && outer.get("state_dict") instanceof Map<?, ?> inner
            ? inner
            : pickled;
    if (!(found instanceof Map<?, ?> map)) {
      throw new SfumatoException(file + ": holds no dictionary of tensors");
    }
    Map<String, StoredTensor> stored = new LinkedHashMap<>();
    map.forEach(
        (name, value) -> {
          if (!(value instanceof StoredTensor tensor)) {
            throw new SfumatoException(
                file + ": '" + name + "' is not a tensor: expected a dictionary of tensors only");
          }
          stored.put(name.toString(), tensor);
        });
    return stored;
  }

  /** Returns the vectors of a textual inversion of a web interface, by its name if it has one. */
  private static Map<String, StoredTensor> embedding(Path file, Object name, Object learned) {
    Object found =
        learned instanceof ScriptObject parameters
            ? parameters.attributes().get("_parameters")
            : learned;
    if (!(found instanceof Map<?, ?> vectors)
        || vectors.size() != 1
        || !(vectors.values().iterator().next() instanceof StoredTensor only)) {
      throw new SfumatoException(file + ": " + LEARNED + " does not hold one tensor");
    }
    return Map.of(name instanceof String text ? text : "*", only);
  }

  /** Returns the tensors of a module and of the modules inside it. */
  private static Map<String, StoredTensor> stateDict(Path file, ScriptObject module) {
    Map<String, StoredTensor> stored = new LinkedHashMap<>();
    Deque<Map.Entry<String, ScriptObject>> left = new ArrayDeque<>();
    left.add(Map.entry("", module));
    int[] names = {0};
    while (!left.isEmpty()) {
      Map.Entry<String, ScriptObject> next = left.pop();
      next.getValue()
          .attributes()
          .forEach(
              (name, value) -> {
                if (++names[0] > MAX_NAMES) { // a damaged module may contain itself
                  throw new SfumatoException(
                      file + ": its modules nest without end: the file is damaged");
                }
                if (value instanceof StoredTensor tensor) {
                  stored.put(next.getKey() + name, tensor);
                } else if (value instanceof ScriptObject child) {
                  left.push(Map.entry(next.getKey() + name + ".", child));
                }
              });
    }
    return stored;
  }

  private static Set<Storage> storagesOf(Map<String, StoredTensor> stored) {
    return stored.values().stream()
        .map(StoredTensor::storage)
        .collect(toCollection(LinkedHashSet::new));
  }

  /** Returns the size of {@code storage} in bytes, at most that of the file. */
  private static long bytes(Path file, Storage storage) throws IOException {
    long most = Files.size(file) / storage.dtype().bytes();
    if (storage.numel() < 0 || storage.numel() > most) {
      throw new SfumatoException(
          file
              + ": storage '"
              + storage.key()
              + "' of "
              + storage.numel()
              + " elements does not fit into the file: it is truncated");
    }
    return storage.numel() * storage.dtype().bytes();
  }

  private static Tensor elements(InputStream in, Storage storage, long bytes) throws IOException {
    Tensor raw = Tensor.make(() -> torch.zeros(new long[] {bytes}, Options.of(DType.UINT8)));
    try (BytePointer target = Engine.call(() -> new BytePointer(raw.handle().data_ptr()))) {
      for (long at = 0; at < bytes; at += CHUNK) {
        byte[] chunk = exactly(in, (int) Math.min(CHUNK, bytes - at));
        target.position(at).put(chunk, 0, chunk.length);
      }
    }
    return Tensor.make(() -> raw.handle().view(storage.dtype().scalarType()));
  }

  private static byte[] exactly(InputStream in, int count) throws IOException {
    byte[] bytes = in.readNBytes(count);
    if (bytes.length < count) {
      throw new EOFException();
    }
    return bytes;
  }

  private static Map<String, Tensor> tensors(
      Path file, Scope scope, Map<String, StoredTensor> stored, Map<Storage, Tensor> storages) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    long size = file.toFile().length();
    stored.forEach(
        (name, tensor) -> {
          requireInside(file, size, name, tensor);
          Tensor view =
              Tensor.make(
                  () -> {
                    try (LongOptional offset = new LongOptional(tensor.offset())) {
                      return torch.as_strided(
                          storages.get(tensor.storage()).handle(),
                          array(tensor.shape()),
                          array(tensor.strides()),
                          offset);
                    }
                  });
          tensors.put(name, scope.keep(view));
        });
    return tensors;
  }

  private static long[] array(List<Long> numbers) {
    return numbers.stream().mapToLong(Long::longValue).toArray();
  }

  private static void requireInside(Path file, long size, String name, StoredTensor tensor) {
    if (!isInside(tensor, size)) {
      throw new SfumatoException(
          file
              + ": tensor '"
              + name
              + "': shape "
              + tensor.shape()
              + " with strides "
              + tensor.strides()
              + " reaches beyond its storage: the file is damaged");
    }
  }

  /**
   * Returns true if the tensor lies within its storage; strides of 0 may repeat elements, but not
   * to more bytes than the file has.
   */
  private static boolean isInside(StoredTensor tensor, long size) {
    List<Long> shape = tensor.shape();
    List<Long> strides = tensor.strides();
    if (shape.size() != strides.size() || tensor.offset() < 0) {
      return false;
    }
    try {
      long last = tensor.offset();
      long numel = tensor.storage().dtype().bytes();
      for (int i = 0; i < shape.size(); i++) {
        if (shape.get(i) < 0 || strides.get(i) < 0) {
          return false;
        }
        numel = Math.multiplyExact(numel, shape.get(i));
        last = Math.addExact(last, Math.multiplyExact(shape.get(i) - 1, strides.get(i)));
      }
      return numel == 0
          ? tensor.offset() <= tensor.storage().numel()
          : last < tensor.storage().numel() && numel <= size;
    } catch (ArithmeticException e) {
      return false;
    }
  }
}
