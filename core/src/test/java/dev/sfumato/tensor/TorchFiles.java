package dev.sfumato.tensor;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Writes PyTorch checkpoints in the zip format, as {@code torch.save} does, for tests. */
public final class TorchFiles {
  private final ByteArrayOutputStream pickle = new ByteArrayOutputStream();
  private final List<float[]> storages = new ArrayList<>();

  private TorchFiles() {}

  /**
   * Writes {@code {"global_step": step, "state_dict": weights}}.
   *
   * @param weights float32 tensors by name
   */
  public static void write(Path file, Map<String, Tensor> weights, int step) {
    TorchFiles made = new TorchFiles();
    made.bytes(0x80, 2).bytes('}', '(');
    made.text("global_step").number(step).text("state_dict").bytes('}', '(');
    weights.forEach(made::tensor);
    made.bytes('u', 'u', '.');
    made.save(file);
  }

  private void tensor(String name, Tensor tensor) {
    text(name).global("torch._utils", "_rebuild_tensor_v2").bytes('(');
    bytes('(').text("storage").global("torch", "FloatStorage").text("" + storages.size());
    text("cpu").number((int) tensor.numel()).bytes('t', 'Q').number(0);
    long[] shape = tensor.shape();
    long[] strides = new long[shape.length];
    long stride = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      strides[i] = stride;
      stride *= shape[i];
    }
    for (long[] numbers : List.of(shape, strides)) {
      bytes('(');
      for (long n : numbers) {
        number((int) n);
      }
      bytes('t');
    }
    bytes(0x89).global("collections", "OrderedDict").bytes(')', 'R', 't', 'R');
    storages.add(tensor.toFloats());
  }

  private TorchFiles bytes(int... values) {
    for (int value : values) {
      pickle.write(value);
    }
    return this;
  }

  private TorchFiles number(int value) {
    bytes('J');
    pickle.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    return this;
  }

  private TorchFiles text(String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    bytes('X');
    pickle.writeBytes(
        ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(utf8.length).array());
    pickle.writeBytes(utf8);
    return this;
  }

  private TorchFiles global(String module, String name) {
    bytes('c');
    pickle.writeBytes((module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
    return this;
  }

  private void save(Path file) {
    try (OutputStream out = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      entry(zip, "model/data.pkl", pickle.toByteArray());
      for (int i = 0; i < storages.size(); i++) {
        ByteBuffer elements =
            ByteBuffer.allocate(4 * storages.get(i).length).order(ByteOrder.LITTLE_ENDIAN);
        for (float element : storages.get(i)) {
          elements.putFloat(element);
        }
        entry(zip, "model/data/" + i, elements.array());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void entry(ZipOutputStream zip, String name, byte[] content) throws IOException {
    CRC32 checksum = new CRC32();
    checksum.update(content);
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setCrc(checksum.getValue());
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }
}
