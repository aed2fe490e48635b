package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TorchCheckpointTest {
  @TempDir Path folder;

  // ---- what PyTorch writes

  @ParameterizedTest
  @CsvSource({
    "checkpoints/protocol2.pt, checkpoints/expected.safetensors",
    "checkpoints/protocol5.pt, checkpoints/expected.safetensors",
    "checkpoints/legacy.pt, checkpoints/expected.safetensors",
    "checkpoints/training.pt, checkpoints/expected.safetensors",
    "checkpoints/lightning.pt, checkpoints/expected.safetensors",
    "checkpoints/training-legacy.pt, checkpoints/expected.safetensors",
    "pipeline/checkpoints/kinds.bin, pipeline/checkpoints/kinds.safetensors",
    "pipeline/checkpoints/nested.bin, pipeline/checkpoints/kinds.safetensors",
    "pipeline/checkpoints/legacy.bin, "
        + "pipeline/tiny-channels/unet/diffusion_pytorch_model.safetensors",
    "pipeline/tiny-bin/unet/diffusion_pytorch_model.bin, "
        + "pipeline/tiny/unet/diffusion_pytorch_model.safetensors",
  })
  void readsWhatPyTorchWrites(String checkpoint, String expected) {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> wanted = Safetensors.open(Golden.path(expected)).tensors();
      Map<String, Tensor> read = TorchCheckpoint.read(Golden.path(checkpoint));
      assertThat(read.keySet()).isEqualTo(wanted.keySet());
      wanted.forEach(
          (name, tensor) -> TensorSubject.assertThat(read.get(name)).isIdenticalTo(tensor));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"protocol2.pt", "legacy.pt"})
  void tensorsThatSharedTheirElementsDoSoAgain(String name) {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> read = TorchCheckpoint.read(Golden.path("checkpoints/" + name));
      read.get("base").fill_(9);
      assertThat(read.get("transposed").toFloats()[23]).isEqualTo(9f);
      assertThat(read.get("part").toFloats()[0]).isEqualTo(9f);
      assertThat(read.get("parameter").requiresGrad()).isFalse();
    }
  }

  @Test
  void onlyTheResultsStayAlive() {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open()) {
      int size = TorchCheckpoint.read(Golden.path("checkpoints/legacy.pt")).size();
      assertThat(Scope.liveTensors()).isEqualTo(before + size);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  // ---- what would run something

  @ParameterizedTest
  @ValueSource(strings = {"malicious.bin", "malicious-legacy.bin"})
  void refusesToRunAFunction(String name) {
    Path file = Golden.path("pipeline/checkpoints/" + name);
    assertThat(refusal(file)).contains("which is refused");
  }

  @ParameterizedTest
  @CsvSource({"posix, system", "builtins, eval", "torch, load", "collections, defaultdict"})
  void namesTheFunctionThatItRefuses(String module, String function) throws IOException {
    Path file = zip("c" + module + "\n" + function + "\n(" + text("touch x") + "tR.", 0);
    assertThat(refusal(file)).contains("'" + module + "." + function + "'");
  }

  // ---- what is damaged

  @Test
  void readsAHandMadeCheckpoint() throws IOException {
    try (Scope scope = Scope.open()) {
      Path file = zip(tensor("FloatStorage", 6, 1, new long[] {2, 2}, new long[] {1, 2}), 24);
      assertThat(TorchCheckpoint.read(file).get("weight").toFloats())
          .isEqualTo(new float[] {1, 3, 2, 4});
    }
  }

  @ParameterizedTest
  @CsvSource({
    "6, 0, 7, 1", // beyond the end
    "6, 1, 6, 1", // offset
    "6, 0, 2, 6", // stride
    "6, -1, 2, 1",
    "6, 0, -2, 1",
    "6, 0, 2, -1",
    "6, 7, 0, 1",
    "6, 0, 4611686018427387904, 4", // size times stride overflows
    "6, 9223372036854775807, 2, 1", // offset overflows
  })
  void aTensorBeyondItsStorageIsRefused(long numel, long offset, long size, long stride)
      throws IOException {
    String pickle = tensor("FloatStorage", numel, offset, new long[] {size}, new long[] {stride});
    assertThat(refusal(zip(pickle, 24))).contains("tensor 'weight'");
  }

  @ParameterizedTest
  @ValueSource(longs = {5, 7, -1, Long.MAX_VALUE, 1L << 61})
  void aStorageOfAnotherSizeIsRefused(long numel) throws IOException {
    String pickle = tensor("FloatStorage", numel, 0, new long[] {1}, new long[] {1});
    assertThat(refusal(zip(pickle, 24))).contains("storage '0'");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        ".",
        "R.",
        "t.",
        "u.",
        "0.",
        "}.",
        "N.",
        "K\u0001.",
        "h\u0005.",
        "}}Ns.",
        "]]s.",
        "(((.",
        "}(KKu.",
        "]\u0094h\u0000a.",
        "}q\u0000h\u0000h\u0000s.",
        "X\u00ff\u00ff\u00ff\u00ffa.",
        "\u008a\u0000.",
        "\u008a\u0009\u0000\u0000\u0000.",
        "(" + "N",
        "}(u}b.",
        "NNb.",
        "c",
        "c\n\n)R.",
      })
  void aBrokenPickleIsOneLine(String pickle) throws IOException {
    Path file = zip(pickle, 0);
    if (pickle.equals("}.") || pickle.equals("}(u}b.")) { // an empty state dict is one
      assertThat(TorchCheckpoint.read(file)).isEmpty();
    } else {
      refusal(file);
    }
  }

  // ---- TorchScript

  @Test
  void readsTheTensorsOfAModuleAndRunsNothing() throws IOException {
    String weight = tensor("FloatStorage", 6, 0, new long[] {6}, new long[] {1});
    String child = object("__torch__.some Child", weight.substring(0, weight.length() - 1));
    Path file = zip(object("__torch__.m Model", "}(" + text("inner") + child + "u") + ".", 24);
    try (Scope scope = Scope.open()) {
      assertThat(TorchCheckpoint.read(file).keySet()).containsExactly("inner.weight");
    }
  }

  @Test
  void aModuleOfAnotherKindOrWithoutEndIsRefused() throws IOException {
    assertThat(refusal(zip(object("posix system", "}") + ".", 0))).contains("'posix.system'");
    assertThat(refusal(zip(object("collections OrderedDict", "}") + ".", 0)))
        .contains("makes an object of collections.OrderedDict");
    String itself = "c__torch__.m\nM\n)\u0081q\u0000}" + text("me") + "h\u0000sb.";
    assertThat(refusal(zip(itself, 0))).contains("nest without end");
  }

  /** An object of a class, given as "module name", with what a pickle makes of its attributes. */
  private static String object(String type, String attributes) {
    return "c" + type.replace(' ', '\n') + "\n)\u0081" + attributes + "b";
  }

  @Test
  void aHugePickleIsRefused() throws IOException {
    assertThat(refusal(zip("(".repeat(1 << 21), 0))).contains("too deeply");
    assertThat(refusal(zip("N\u0085".repeat(100) + "}a.".repeat(9), 0))).doesNotContain("\n");
  }

  /** 30 MB of it would otherwise be read letter by letter and then shown. */
  @Test
  void aHugeNameIsRefused() throws IOException {
    String name = "x".repeat(1 << 21);
    assertThat(refusal(zip("c" + name + "\nf\n.", 0))).contains("a name of more than 1024");
    String key = "X" + number(name.length()) + name;
    assertThat(refusal(zip("}" + key + "Ns.", 0))).contains("a name of more than 1024");
  }

  @Test
  void aPickleThatGrowsWhenItIsUnpackedIsRefused() throws IOException {
    Path file = folder.resolve("deflated.pt");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("archive/data.pkl"));
      zip.write("\u0080\u0002".getBytes(StandardCharsets.ISO_8859_1));
      zip.write(("X" + number(1 << 23)).getBytes(StandardCharsets.ISO_8859_1));
      zip.write(new byte[1 << 23]);
      zip.closeEntry();
    }
    assertThat(refusal(file)).contains("holds a pickle of more than");
  }

  @Test
  void elementsAreNotRepeatedBeyondTheFile() throws IOException {
    String huge = tensor("FloatStorage", 6, 0, new long[] {1 << 20, 1 << 20}, new long[] {0, 0});
    assertThat(refusal(zip(huge, 24))).contains("reaches beyond its storage");
  }

  /** Entries that lie in one place: a small file would fill the memory. */
  @Test
  void overlappingStoragesAreRefused() throws IOException {
    StringBuilder pickle = new StringBuilder("\u0080\u0002}");
    for (int i = 0; i < 9; i++) {
      String one = tensor("FloatStorage", 2500, 0, new long[] {2500}, new long[] {1});
      pickle.append(
          one.substring(1, one.length() - 1)
              .replace(text("weight"), text("w" + i))
              .replace(text("0"), text("" + i)));
    }
    Path file = folder.resolve("overlap.pt");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      add(zip, "archive/data.pkl", (pickle + ".").getBytes(StandardCharsets.ISO_8859_1));
      add(zip, "archive/data/0", new byte[10_000]);
      for (int i = 1; i < 9; i++) {
        add(zip, "archive/data/" + i, new byte[0]);
      }
    }
    byte[] bytes = Files.readAllBytes(file);
    byte[] first = null; // what the central directory says of data/0
    for (int at = 0; at < bytes.length - 46; at++) {
      if (ByteBuffer.wrap(bytes).getInt(at) == 0x504b0102 && bytes[at + 28] == 14) {
        first = first == null ? Arrays.copyOfRange(bytes, at, at + 46) : first;
        System.arraycopy(first, 16, bytes, at + 16, 12); // check sum and sizes
        System.arraycopy(first, 42, bytes, at + 42, 4); // place
      }
    }
    assertThat(refusal(Files.write(file, bytes))).contains("overlap");
  }

  private static String number(int value) {
    byte[] bytes = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array();
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"protocol2.pt", "legacy.pt"})
  void aTruncatedFileIsOneLine(String name) throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("checkpoints/" + name));
    for (int length = 0; length < whole.length; length += 97) {
      Path file = Files.write(folder.resolve(name), Arrays.copyOf(whole, length));
      refusal(file);
    }
  }

  @Test
  void damageNeverEscapesAsAnotherError() throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("checkpoints/legacy.pt"));
    Random random = new Random(1);
    for (int i = 0; i < 500; i++) {
      byte[] damaged = whole.clone();
      damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
      Path file = Files.write(folder.resolve("damaged.pt"), damaged);
      try (Scope scope = Scope.open()) {
        TorchCheckpoint.read(file).values().forEach(Tensor::toBytes);
      } catch (SfumatoException e) {
        assertThat(e.getMessage()).startsWith(file + ": ");
      }
    }
  }

  @Test
  void aFileThatIsMissingOrNoCheckpointIsOneLine() throws IOException {
    assertThat(refusal(folder.resolve("missing.pt"))).contains("no such file");
    assertThat(refusal(Files.writeString(folder.resolve("a"), "hello"))).contains("not a PyTorch");
    assertThat(refusal(Files.writeString(folder.resolve("b"), ""))).contains("not a PyTorch");
    assertThat(refusal(folder)).startsWith(folder.toString());
  }

  private static String refusal(Path file) {
    long before = Scope.liveTensors();
    SfumatoException e = assertThrows(SfumatoException.class, () -> TorchCheckpoint.read(file));
    assertThat(e.getMessage()).startsWith(file + ": ");
    assertThat(e.getMessage()).doesNotContain("\n");
    assertWithMessage("live tensors").that(Scope.liveTensors()).isEqualTo(before);
    return e.getMessage();
  }

  // ---- files made by hand

  /** A dictionary of one tensor, {@code weight}, in storage {@code 0}. */
  private static String tensor(
      String storage, long numel, long offset, long[] shape, long[] strides) {
    return "}"
        + text("weight")
        + "ctorch._utils\n_rebuild_tensor_v2\n(("
        + text("storage")
        + "ctorch\n"
        + storage
        + "\n"
        + text("0")
        + text("cpu")
        + integers(numel)
        + "tQ"
        + integers(offset)
        + "("
        + integers(shape)
        + "t("
        + integers(strides)
        + "t\u0089)tRs.";
  }

  private static String text(String text) {
    return "U" + (char) text.length() + text;
  }

  private static String integers(long... values) {
    return LongStream.of(values)
        .mapToObj(
            v ->
                ByteBuffer.allocate(10)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .put((byte) 0x8a)
                    .put((byte) 8)
                    .putLong(v)
                    .array())
        .map(b -> new String(b, StandardCharsets.ISO_8859_1))
        .collect(Collectors.joining());
  }

  /** A checkpoint with this pickle and a storage {@code 0} of 0, 1, 2, ... as float32. */
  private Path zip(String pickle, int storageBytes) throws IOException {
    Path file = folder.resolve("hand-made.pt");
    ByteBuffer storage = ByteBuffer.allocate(storageBytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; storage.hasRemaining(); i++) {
      storage.putFloat(i);
    }
    try (OutputStream out = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      add(zip, "archive/data.pkl", ("\u0080\u0002" + pickle).getBytes(StandardCharsets.ISO_8859_1));
      add(zip, "archive/data/0", storage.array());
    }
    return file;
  }

  private static void add(ZipOutputStream zip, String name, byte[] content) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(content);
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setCrc(crc.getValue());
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }
}
