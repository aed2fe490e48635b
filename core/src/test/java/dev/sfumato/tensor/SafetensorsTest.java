package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsTest {
  private static final Path PYTHONS = Golden.path("checkpoints/expected.safetensors");

  @TempDir Path folder;

  /** Java gives {@code Map.of} another order in each process. */
  @Test
  void theOrderOfTheTextsChangesNoByte() throws IOException {
    Map<String, String> texts = new LinkedHashMap<>(Map.of("b", "1"));
    texts.put("a", "2");
    Map<String, String> others = new LinkedHashMap<>(Map.of("a", "2"));
    others.put("b", "1");
    Safetensors.write(folder.resolve("1"), Map.of(), texts);
    Safetensors.write(folder.resolve("2"), Map.of(), others);
    assertThat(Files.mismatch(folder.resolve("1"), folder.resolve("2"))).isEqualTo(-1);
  }

  // ---- what Python writes

  @Test
  void describesWithoutReadingElements() {
    Safetensors file = Safetensors.open(PYTHONS);
    assertThat(file.metadata()).containsExactly("format", "pt", "note", "quotes \" and ü");
    assertThat(file.names()).hasSize(18);
    assertThat(file.describe())
        .contains(new TensorInfo("types.bfloat16", DType.BFLOAT16, List.of(5L), 10));
    assertThat(file.describe()).contains(new TensorInfo("scalar", DType.FLOAT32, List.of(), 4));
  }

  @Test
  void readsTheElements() {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> tensors = Safetensors.open(PYTHONS).tensors();
      assertThat(tensors.get("part").toFloats()).isEqualTo(new float[] {8, 9, 10, 14, 15, 16});
      assertThat(tensors.get("scalar").item()).isEqualTo(2.5);
      assertThat(tensors.get("empty").shape()).isEqualTo(new long[] {0, 3});
      tensors.forEach(
          (name, tensor) -> {
            if (name.startsWith("types.")) {
              long hundred = tensor.dtype() == DType.BOOL ? 1 : 100;
              long seven = tensor.dtype() == DType.BOOL ? 1 : 7;
              assertWithMessage(name)
                  .that(tensor.toLongs())
                  .isEqualTo(new long[] {0, 1, 0, hundred, seven});
            }
          });
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "checkpoints/expected",
        "rng",
        "solvers",
        "pipeline/tiny/unet/diffusion_pytorch_model"
      })
  void writesTheBytesThatPythonWrites(String name) throws IOException {
    Path python = Golden.path(name + ".safetensors");
    Path ours = folder.resolve("ours.safetensors");
    try (Scope scope = Scope.open()) {
      Safetensors file = Safetensors.open(python);
      Safetensors.write(ours, file.tensors(), file.metadata());
    }
    assertThat(Files.mismatch(ours, python)).isEqualTo(-1);
  }

  @Test
  void writesTensorsThatAreNotContiguous() {
    Path file = folder.resolve("views.safetensors");
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.arange(12).reshape(3, 4);
      Tensor view = x.transpose(0, 1).narrow(0, 1, 2);
      Safetensors.write(file, Map.of("view", view), Map.of());
      TensorSubject.assertThat(Safetensors.open(file).tensor("view"))
          .isIdenticalTo(view.contiguous());
    }
  }

  @Test
  void aFileWithoutTensorsIsAFile() {
    Path file = folder.resolve("none.safetensors");
    Safetensors.write(file, Map.of(), Map.of());
    assertThat(Safetensors.open(file).tensors()).isEmpty();
    assertThat(Safetensors.open(file).metadata()).isEmpty();
  }

  @Test
  void aMissingTensorIsNamed() {
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> Safetensors.open(PYTHONS).tensor("w"));
    assertThat(e.getMessage()).isEqualTo(PYTHONS + ": has no tensor 'w'");
  }

  // ---- the mapping

  @Test
  void tensorsOutliveTheFile() throws IOException {
    Path file = Files.copy(PYTHONS, folder.resolve("copy.safetensors"));
    try (Scope scope = Scope.open()) {
      Tensor base = Safetensors.open(file).tensor("base");
      Files.delete(file);
      System.gc();
      assertThat(base.toFloats()[23]).isEqualTo(23f);
    }
  }

  @Test
  void changingATensorDoesNotChangeTheFile() throws IOException {
    Path file = Files.copy(PYTHONS, folder.resolve("copy.safetensors"));
    try (Scope scope = Scope.open()) {
      Tensor base = Safetensors.open(file).tensor("base").fill_(7);
      assertThat(base.toFloats()[5]).isEqualTo(7f);
      assertThat(Safetensors.open(file).tensor("base").toFloats()[5]).isEqualTo(5f);
    }
    assertThat(Files.mismatch(file, PYTHONS)).isEqualTo(-1);
  }

  @Test
  void aFileCanBeReplacedByItsOwnTensors() throws IOException {
    Path file = Files.copy(PYTHONS, folder.resolve("copy.safetensors"));
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>(Safetensors.open(file).tensors());
      tensors.remove("base");
      Safetensors.write(file, tensors, Map.of());
      assertThat(tensors.get("part").toFloats()[0]).isEqualTo(8f);
      assertThat(Safetensors.open(file).names()).hasSize(17);
    }
  }

  /**
   * Writes a file of zeros but for the last byte, 7; they are holes, which take no room on the
   * disk.
   */
  private Path writeZeros(ByteBuffer header, long size) throws IOException {
    Path file = folder.resolve("large.safetensors");
    try (var channel =
        Files.newByteChannel(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      channel.write(header);
      channel.position(header.limit() + size - 1);
      channel.write(ByteBuffer.wrap(new byte[] {7}));
    }
    return file;
  }

  @Test
  void nothingIsCopied() throws IOException {
    long size = 256 << 20;
    ByteBuffer header =
        header("{\"a\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]}}", size, size);
    Path file = writeZeros(header, size);
    long before = Memory.residentKilobytes();
    try (Scope scope = Scope.open()) {
      Tensor a = Safetensors.open(file).tensor("a");
      assertThat(a.narrow(0, size - 2, 2).toLongs()).isEqualTo(new long[] {0, 7});
      assertThat(Memory.residentKilobytes() - before).isLessThan(size / 1024 / 4);
    }
  }

  @Test
  void bytesLeaveTheMemoryWithTheirTensors() throws IOException {
    long size = 200 << 20;
    ByteBuffer header =
        header(
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[%d,%d]}}",
            size, size, size, size, 2 * size);
    Path file = writeZeros(header, 2 * size);
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> tensors = Safetensors.open(file).tensors();
      long before = Memory.residentKilobytes();
      assertThat(tensors.get("a").max().item()).isEqualTo(0);
      assertThat(Memory.residentKilobytes() - before).isGreaterThan(size / 1024 / 2);
      tensors.get("a").close();
      assertThat(Memory.residentKilobytes() - before).isLessThan(size / 1024 / 2);
      assertThat(tensors.get("b").narrow(0, size - 2, 2).toLongs()).isEqualTo(new long[] {0, 7});
    }
  }

  @Test
  void elementsAtOddPlacesAreRead() throws IOException {
    byte[] data = new byte[9];
    ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN).put((byte) 3).putFloat(1.5f).putInt(-2);
    Path file =
        write(
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]},"
                + "\"c\":{\"dtype\":\"I32\",\"shape\":[1,1],\"data_offsets\":[5,9]}}",
            data);
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> tensors = Safetensors.open(file).tensors();
      assertThat(tensors.get("a").item()).isEqualTo(3);
      assertThat(tensors.get("b").item()).isEqualTo(1.5);
      assertThat(tensors.get("c").item()).isEqualTo(-2);
    }
  }

  @Test
  void aFileThatWasReplacedMeanwhileIsNotReadByTheOldHeader() throws IOException {
    Path file =
        write("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", new byte[4]);
    Safetensors opened = Safetensors.open(file);
    write("{\"b\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]}}", new byte[4]);
    assertThat(assertThrows(SfumatoException.class, opened::tensors).getMessage())
        .contains("was replaced");
    Files.write(file, new byte[3]);
    assertThat(assertThrows(SfumatoException.class, opened::tensors).getMessage())
        .startsWith(file + ": ");
  }

  @Test
  void namesOfFilesAndTensorsMayBeInAnyScript() {
    assumeTrue(
        Charset.forName(System.getProperty("sun.jnu.encoding")).newEncoder().canEncode("ü画"));
    Path file = folder.resolve("größe 画.safetensors");
    try (Scope scope = Scope.open()) {
      Safetensors.write(file, Map.of("重み\t\"", Tensor.scalar(4)), Map.of());
      assertThat(Safetensors.open(file).tensor("重み\t\"").item()).isEqualTo(4);
    }
  }

  // ---- files that break a rule

  private static final String A = "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}";

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[]                                                            | begin with '{'",
        "{}                                                            | belong to no tensor",
        "{'a':{'dtype':'U8','shape':[3],'data_offsets':[0,3]}}         | 1 bytes that belong",
        "{'a':{'dtype':'U8','shape':[5],'data_offsets':[0,5]}}         | tensor 'a': ends at byte 5",
        "{'a':{'dtype':'U8','shape':[3],'data_offsets':[1,4]}}         | tensor 'a': data_offsets start",
        "{'a':{'dtype':'U8','shape':[4],'data_offsets':[4,0]}}         | tensor 'a': data_offsets [4, 0]",
        "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4,4]}}       | tensor 'a': data_offsets",
        "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0]}}           | tensor 'a': data_offsets",
        "{'a':{'dtype':'U8','shape':[4],'data_offsets':4}}             | tensor 'a': data_offsets",
        "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,'4']}}       | tensor 'a': data_offsets",
        "{'a':{'dtype':'U8','shape':[4]}}                              | tensor 'a': data_offsets is",
        "{'a':{'dtype':'U8','data_offsets':[0,4]}}                     | tensor 'a': shape is missing",
        "{'a':{'dtype':'U8','shape':{},'data_offsets':[0,4]}}          | tensor 'a': shape is",
        "{'a':{'dtype':'U8','shape':[4.0],'data_offsets':[0,4]}}       | tensor 'a': shape holds 4.0",
        "{'a':{'dtype':'U8','shape':[-4],'data_offsets':[0,4]}}        | tensor 'a': shape holds -4",
        "{'a':{'dtype':'U8','shape':[-2,-2],'data_offsets':[0,4]}}     | tensor 'a': shape holds -2",
        "{'a':{'dtype':'U8','shape':[3],'data_offsets':[0,4]}}         | tensor 'a': U8 [3]",
        "{'a':{'dtype':'F32','shape':[4],'data_offsets':[0,4]}}        | tensor 'a': F32 [4]",
        "{'a':{'dtype':'F8_E4M3','shape':[4],'data_offsets':[0,4]}}    | tensor 'a': dtype 'F8_E4M3'",
        "{'a':{'dtype':'u8','shape':[4],'data_offsets':[0,4]}}         | tensor 'a': dtype 'u8'",
        "{'a':{'shape':[4],'data_offsets':[0,4]}}                      | tensor 'a': dtype",
        "{'a':[]}                                                      | tensor 'a': dtype",
        "{'a':{'dtype':'U8','shape':[4294967296,4294967296,4],'data_offsets':[0,4]}} | overflows",
        "{'a':{'dtype':'F64','shape':[2305843009213693952],'data_offsets':[0,4]}} | overflows",
        "{'a':{'dtype':'U8','shape':[18446744073709551620],'data_offsets':[0,4]}} | tensor 'a': shape",
        "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4],'shape':[4]}}     | Duplicate",
        "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]},'a':{}}          | Duplicate",
        "{'__metadata__':{'x':'1','x':'2'},'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}}"
            + " | Duplicate",
        "{'__metadata__':{'x':1},'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}} | 'x' is no",
        "{'__metadata__':[],'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}} | __metadata__",
        "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}          | not valid JSON",
        "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}}}        | not valid JSON",
        "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}} {}      | goes on",
        "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4],}}        | not valid JSON",
        "{'a':{'dtype':'U8','shape':[2],'data_offsets':[0,2]},"
            + "'b':{'dtype':'U8','shape':[3],'data_offsets':[1,4]}}    | 'b': data_offsets start at 1",
        "{'a':{'dtype':'U8','shape':[1],'data_offsets':[0,1]},"
            + "'b':{'dtype':'U8','shape':[2],'data_offsets':[2,4]}}    | 'b': data_offsets start at 2",
      })
  void aBrokenRuleIsNamed(String header, String problem) throws IOException {
    assertThat(refusal(write(header.replace('\'', '"'), new byte[4]))).contains(problem);
  }

  @Test
  void theLengthOfTheHeaderIsChecked() throws IOException {
    assertThat(refusal(bytes(0, new byte[9]))).contains("begin with '{'");
    assertThat(refusal(bytes(2, new byte[1]))).contains("inside its header");
    assertThat(refusal(bytes(100_000_001, new byte[9]))).contains("length of a header");
    assertThat(refusal(bytes(-1, new byte[9]))).contains("length of a header");
    assertThat(refusal(Files.write(folder.resolve("short"), new byte[7]))).contains("too short");
    assertThat(refusal(Files.write(folder.resolve("empty"), new byte[0]))).contains("too short");
  }

  @Test
  void aHeaderThatIsNotUtf8IsRefused() throws IOException {
    byte[] latin =
        A.replace('\'', '"')
            .replace("a\"", "ü\"")
            .concat("}")
            .getBytes(StandardCharsets.ISO_8859_1);
    byte[] content = Arrays.copyOf(latin, latin.length + 4);
    assertThat(refusal(bytes(latin.length, content))).contains("not UTF-8");
    byte[] utf16 = "{}".getBytes(StandardCharsets.UTF_16LE);
    refusal(bytes(utf16.length, utf16));
  }

  @Test
  void aHeaderMayEndInSpaces() throws IOException {
    Path file = write(A.replace('\'', '"') + "}     ", new byte[4]);
    assertThat(Safetensors.open(file).names()).containsExactly("a");
  }

  @Test
  void aFileThatCannotBeReadIsOneLine() {
    assertThat(refusal(folder.resolve("missing"))).contains("cannot be read: no such file");
    assertThat(refusal(folder)).contains("cannot be read");
  }

  @Test
  void damageNeverEscapesAsAnotherError() throws IOException {
    byte[] whole = Files.readAllBytes(PYTHONS);
    Random random = new Random(2);
    for (int i = 0; i < 500; i++) {
      byte[] damaged =
          i % 5 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
      for (int j = 0; damaged.length > 0 && j <= i % 3; j++) {
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
      }
      Path file = Files.write(folder.resolve("damaged"), damaged);
      try (Scope scope = Scope.open()) {
        Safetensors.open(file).tensors().values().forEach(Tensor::toBytes);
      } catch (SfumatoException e) {
        assertThat(e.getMessage()).startsWith(file + ": ");
        assertThat(e.getMessage()).doesNotContain("\n");
      }
    }
  }

  // ---- writing that fails

  @Test
  void aWriteThatFailsLeavesNothingBehind() throws IOException {
    Path old = Files.copy(PYTHONS, folder.resolve("old.safetensors"));
    try (Scope scope = Scope.open()) {
      Tensor closed = Tensor.zeros(3);
      Tensor open = Tensor.zeros(3);
      Path inTheWay = Files.writeString(folder.resolve("file"), "x");
      SfumatoException e =
          assertThrows(
              SfumatoException.class,
              () ->
                  Safetensors.write(
                      inTheWay.resolve("a.safetensors"), Map.of("a", open), Map.of()));
      assertThat(e.getMessage()).contains("cannot be written: a file is in the way");
      assertThrows(
          SfumatoException.class,
          () -> Safetensors.write(old, Map.of("__metadata__", closed), Map.of()));
    }
    assertThat(Files.mismatch(old, PYTHONS)).isEqualTo(-1);
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(f -> f.getFileName().toString()).toList())
          .containsExactly("old.safetensors", "file");
    }
  }

  private static String refusal(Path file) {
    SfumatoException e = assertThrows(SfumatoException.class, () -> Safetensors.open(file));
    assertThat(e.getMessage()).startsWith(file + ": ");
    assertThat(e.getMessage()).doesNotContain("\n");
    return e.getMessage();
  }

  private Path write(String header, byte[] data) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    byte[] content = Arrays.copyOf(json, json.length + data.length);
    System.arraycopy(data, 0, content, json.length, data.length);
    return bytes(json.length, content);
  }

  private Path bytes(long length, byte[] content) throws IOException {
    ByteBuffer file = ByteBuffer.allocate(8 + content.length).order(ByteOrder.LITTLE_ENDIAN);
    return Files.write(
        folder.resolve("made.safetensors"), file.putLong(length).put(content).array());
  }

  private static ByteBuffer header(String format, Object... arguments) {
    byte[] json = String.format(format, arguments).getBytes(StandardCharsets.UTF_8);
    ByteBuffer header = ByteBuffer.allocate(8 + json.length).order(ByteOrder.LITTLE_ENDIAN);
    return header.putLong(json.length).put(json).flip();
  }
}
