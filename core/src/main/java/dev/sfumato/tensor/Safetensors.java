package dev.sfumato.tensor;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * A file of named tensors in the safetensors format.
 *
 * <p>Opening reads and checks the header only. Tensors are views of the file mapped into memory:
 * nothing is copied, elements are read on first use, and changing them never changes the file. The
 * mapping lives as long as any of its tensors, so there is nothing to close. Meanwhile the file may
 * be deleted or replaced, but must not be shortened in place: the system would end the process.
 *
 * <pre>{@code
 * Map<String, Tensor> weights = Safetensors.open(file).tensors();
 * Safetensors.write(copy, weights, Map.of("format", "pt"));
 * }</pre>
 */
public final class Safetensors {
  /** The order of types in a file, as in the reference implementation. */
  private static final List<DType> ORDER =
      List.of(
          DType.INT64,
          DType.FLOAT64,
          DType.FLOAT32,
          DType.INT32,
          DType.BFLOAT16,
          DType.FLOAT16,
          DType.INT16,
          DType.INT8,
          DType.UINT8,
          DType.BOOL);

  private static final Set<DType> FLOATS =
      Set.of(DType.FLOAT64, DType.FLOAT32, DType.FLOAT16, DType.BFLOAT16);

  /** The number of bytes that are mapped or written together. */
  private static final int CHUNK = 1 << 28;

  private final Path file;
  private final SafetensorsHeader header;

  private Safetensors(Path file, SafetensorsHeader header) {
    this.file = file;
    this.header = header;
  }

  /**
   * Reads and checks the header of {@code file}.
   *
   * @throws SfumatoException naming the file, and the tensor at fault, if the file cannot be read
   *     or breaks a rule of the format: a header of at most 100 MB that is a JSON object without
   *     duplicate keys, known types, ranges that fit their shapes and cover the file without gaps
   */
  public static Safetensors open(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return new Safetensors(file, SafetensorsHeader.read(file, channel));
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read: " + AtomicFile.reason(e), e);
    } catch (OutOfMemoryError e) {
      throw new SfumatoException(file + ": its header needs more memory than is available", e);
    }
  }

  // ---- reading

  /** Returns the names of all tensors in the order of the file. */
  public List<String> names() {
    return describe().stream().map(TensorInfo::name).toList();
  }

  /**
   * Returns the texts under {@code __metadata__}, such as {@code format}; empty if there are none.
   */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  /**
   * Returns the header's description of all tensors, in the order of the file, without loading the
   * engine.
   */
  public List<TensorInfo> describe() {
    return header.entries().stream().map(SafetensorsHeader.Entry::info).toList();
  }

  /**
   * Returns one tensor on the CPU.
   *
   * @throws SfumatoException if the file has no tensor of this name
   */
  public Tensor tensor(String name) {
    SafetensorsHeader.Entry entry =
        header.entries().stream()
            .filter(e -> e.info().name().equals(name))
            .findFirst()
            .orElseThrow(() -> new SfumatoException(file + ": has no tensor '" + name + "'"));
    return mapped(List.of(entry)).get(name);
  }

  /**
   * Returns all tensors by name on the CPU, in the order of the file. Bytes of the file leave the
   * memory when all tensors of their 256 MB are freed.
   */
  public Map<String, Tensor> tensors() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    List<SafetensorsHeader.Entry> neighbours = new ArrayList<>();
    for (SafetensorsHeader.Entry entry : header.entries()) {
      if (!neighbours.isEmpty() && entry.end() - neighbours.get(0).start() > CHUNK) {
        tensors.putAll(mapped(neighbours));
        neighbours.clear();
      }
      neighbours.add(entry);
    }
    tensors.putAll(mapped(neighbours));
    return tensors;
  }

  /** Returns some tensors by name; they keep a mapping of their own alive. */
  private Map<String, Tensor> mapped(List<SafetensorsHeader.Entry> entries) {
    long end = entries.stream().mapToLong(SafetensorsHeader.Entry::end).max().orElse(0);
    try (org.bytedeco.pytorch.Tensor bytes = map(header.bytes().length + end)) {
      requireSameHeader(bytes);
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      entries.forEach(entry -> tensors.put(entry.info().name(), view(bytes, entry)));
      return tensors;
    }
  }

  /** Maps the file up to {@code end}; only pages that are read take memory. */
  private org.bytedeco.pytorch.Tensor map(long end) {
    // The file's name as the system's own functions expect it, in any locale.
    Charset charset = Charset.forName(System.getProperty("sun.jnu.encoding"));
    byte[] path = file.toString().concat("\0").getBytes(charset);
    try {
      return Engine.call(
          () -> {
            try (BytePointer name = new BytePointer(path);
                BoolOptional shared = new BoolOptional(false);
                LongOptional size = new LongOptional(end)) {
              return torch.from_file(name, shared, size, Options.of(DType.UINT8));
            }
          });
    } catch (SfumatoException e) {
      throw new SfumatoException(file + ": cannot be mapped into memory: " + e.getMessage(), e);
    }
  }

  private void requireSameHeader(org.bytedeco.pytorch.Tensor bytes) {
    byte[] now = new byte[header.bytes().length];
    new BytePointer(bytes.data_ptr()).get(now);
    if (!Arrays.equals(now, header.bytes())) {
      throw new SfumatoException(file + ": was replaced while it was read: try again");
    }
  }

  private Tensor view(org.bytedeco.pytorch.Tensor file, SafetensorsHeader.Entry entry) {
    TensorInfo info = entry.info();
    long start = header.bytes().length + entry.start();
    long[] shape = info.shape().stream().mapToLong(Long::longValue).toArray();
    return Tensor.make(
        () -> {
          try (org.bytedeco.pytorch.Tensor range = file.narrow(0, start, info.bytes());
              // Files of other writers may place elements where the processor cannot read them.
              org.bytedeco.pytorch.Tensor aligned =
                  start % info.dtype().bytes() == 0
                      ? new org.bytedeco.pytorch.Tensor(range)
                      : range.clone();
              org.bytedeco.pytorch.Tensor typed = aligned.view(info.dtype().scalarType())) {
            return typed.view(shape);
          }
        });
  }

  // ---- writing

  /**
   * Writes {@code tensors} from any device, atomically; the bytes equal those that Python's
   * safetensors writes. At most one tensor is copied at a time, and only if it is not contiguous on
   * the CPU.
   *
   * @param metadata texts for {@code __metadata__}, sorted by name; diffusers expects {@code
   *     format} = {@code pt}
   * @throws SfumatoException naming the file if it cannot be written; an old file is left unchanged
   */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
    write(file, tensors, metadata, Tensor::dtype);
  }

  /**
   * Writes the same with all numbers that are not whole as {@code floats}; at most one tensor is
   * converted at a time.
   */
  public static void write(
      Path file, Map<String, Tensor> tensors, Map<String, String> metadata, DType floats) {
    write(file, tensors, metadata, t -> FLOATS.contains(t.dtype()) ? floats : t.dtype());
  }

  private static void write(
      Path file,
      Map<String, Tensor> tensors,
      Map<String, String> metadata,
      Function<Tensor, DType> stored) {
    if (tensors.containsKey(SafetensorsHeader.METADATA)) {
      throw new SfumatoException(
          file + ": no tensor may be called " + SafetensorsHeader.METADATA + ": rename it");
    }
    List<String> names =
        tensors.keySet().stream()
            .sorted(
                Comparator.comparing(
                        (String name) -> ORDER.indexOf(stored.apply(tensors.get(name))))
                    .thenComparing(
                        name -> name.getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned))
            .toList();
    AtomicFile.write(
        file,
        aside -> {
          try (FileChannel channel =
              FileChannel.open(aside, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            write(channel, headerOf(names, tensors, metadata, stored));
            for (String name : names) {
              Tensor tensor = tensors.get(name);
              writeElements(channel, tensor, stored.apply(tensor));
            }
          }
        });
  }

  private static ByteBuffer headerOf(
      List<String> names,
      Map<String, Tensor> tensors,
      Map<String, String> metadata,
      Function<Tensor, DType> stored)
      throws IOException {
    ObjectNode root = JsonFile.MAPPER.createObjectNode();
    if (!metadata.isEmpty()) {
      root.set(SafetensorsHeader.METADATA, JsonFile.MAPPER.valueToTree(new TreeMap<>(metadata)));
    }
    long end = 0;
    for (String name : names) {
      Tensor tensor = tensors.get(name);
      DType dtype = stored.apply(tensor);
      long start = end;
      end = start + tensor.numel() * dtype.bytes();
      root.putObject(name)
          .put("dtype", dtype.code())
          .<ObjectNode>set("shape", JsonFile.MAPPER.valueToTree(tensor.shape()))
          .set("data_offsets", JsonFile.MAPPER.valueToTree(new long[] {start, end}));
    }
    byte[] json = JsonFile.MAPPER.writeValueAsBytes(root);
    int padded = (json.length + 7) / 8 * 8;
    ByteBuffer header = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
    Arrays.fill(header.array(), (byte) ' ');
    header.putLong(padded).put(json);
    return header.rewind();
  }

  private static void writeElements(FileChannel channel, Tensor tensor, DType dtype)
      throws IOException {
    try (Scope scope = Scope.open()) {
      Tensor plain = tensor.detach().to(dtype).to(Device.CPU).contiguous();
      long bytes = plain.numel() * plain.dtype().bytes();
      BytePointer elements = Engine.call(() -> new BytePointer(plain.handle().data_ptr()));
      for (long at = 0; at < bytes; at += CHUNK) {
        elements.position(at).limit(Math.min(bytes, at + CHUNK));
        write(channel, elements.asByteBuffer());
      }
    }
  }

  private static void write(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }
}
