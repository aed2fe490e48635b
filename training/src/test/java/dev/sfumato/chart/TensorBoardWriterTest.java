package dev.sfumato.chart;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.PictureGrid;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorBoardWriterTest {
  @TempDir Path folder;

  @Test
  void beginsAsTensorBoardExpects() throws IOException {
    try (TensorBoardWriter writer = TensorBoardWriter.open(folder.resolve("a/b"), 0)) {
      assertThat(writer.path().getFileName().toString())
          .matches("events\\.out\\.tfevents\\.\\d{10}\\.sfumato\\.\\d+");
      byte[] file = Files.readAllBytes(writer.path());
      // The length 26 and its masked checksum as tensorboard's own masked_crc32c gives it.
      assertThat(HexFormat.of().formatHex(file, 0, 12)).isEqualTo("1a00000000000000129bd82d");
      List<Message> events = events(writer.path());
      assertThat(events.get(0).text(3)).isEqualTo("brain.Event:2");
      assertThat(events.get(0).float64(1)).isGreaterThan(1.7e9);
    }
  }

  @Test
  void writesScalarsAtOnce() throws IOException {
    try (TensorBoardWriter writer = TensorBoardWriter.open(folder, 0)) {
      writer.scalar("loss", 300, 0.25);
      Message event = last(writer); // before the writer is closed
      assertThat(event.integer(2)).isEqualTo(300);
      assertThat(event.message(5).message(1).text(1)).isEqualTo("loss");
      assertThat(event.message(5).message(1).float32(2)).isEqualTo(0.25f);

      writer.scalars(301, Map.of("loss", 0.5, "learning_rate", 1e-3));
      assertThat(last(writer).message(5).fields.get(1)).hasSize(2);
    }
  }

  @Test
  void writesPictures() throws IOException {
    try (TensorBoardWriter writer = TensorBoardWriter.open(folder, 0)) {
      BufferedImage image = PictureGrid.ofRows(1).draw(new float[] {-1, 0, 1}, 1, 1, 1, 3);
      writer.image("samples", 7, image);
      Message picture = last(writer).message(5).message(1).message(4);
      assertThat(picture.integer(1)).isEqualTo(1);
      assertThat(picture.integer(2)).isEqualTo(3);
      assertThat(picture.integer(3)).isEqualTo(1);
      BufferedImage read = ImageIO.read(new ByteArrayInputStream(picture.bytes(4)));
      assertThat(read.getRaster().getSample(1, 0, 0)).isEqualTo(128);
    }
  }

  @Test
  void writesTexts() throws IOException {
    try (TensorBoardWriter writer = TensorBoardWriter.open(folder, 0)) {
      writer.text("config", 0, "Zürich");
      Message value = last(writer).message(5).message(1);
      assertThat(value.message(9).message(1).text(1)).isEqualTo("text");
      assertThat(value.message(8).integer(1)).isEqualTo(7);
      assertThat(value.message(8).text(8)).isEqualTo("Zürich");
    }
  }

  @Test
  void writesHistograms() throws IOException {
    try (TensorBoardWriter writer = TensorBoardWriter.open(folder, 0)) {
      writer.histograms(
          3,
          Map.of("weights/conv_in.bias", new Histogram(-1, 3, 4, 12.5, new double[] {1, 0, 2, 5})));
      Message event = last(writer);
      assertThat(event.integer(2)).isEqualTo(3);
      Message value = event.message(5).message(1);
      assertThat(value.text(1)).isEqualTo("weights/conv_in.bias");
      Message histogram = value.message(5);
      assertThat(histogram.float64(1)).isEqualTo(-1.0);
      assertThat(histogram.float64(2)).isEqualTo(3.0);
      assertThat(histogram.float64(3)).isEqualTo(8.0);
      assertThat(histogram.float64(4)).isEqualTo(4.0);
      assertThat(histogram.float64(5)).isEqualTo(12.5);
      assertThat(histogram.float64s(6)).isEqualTo(new double[] {0, 1, 2, 3});
      assertThat(histogram.float64s(7)).isEqualTo(new double[] {1, 0, 2, 5});
    }
  }

  @Test
  void aResumedRunStartsAFileThatSortsLaterAndHidesWhatItRepeats() throws IOException {
    TensorBoardWriter first = TensorBoardWriter.open(folder, 0);
    for (int step = 1; step <= 10; step++) {
      first.scalar("loss", step, step);
    }
    first.close();
    try (TensorBoardWriter second = TensorBoardWriter.open(folder, 6)) {
      second.scalar("loss", 6, 0.6);
    }
    // TensorBoard reads by name and takes every start but the first for a restart.
    Map<Long, Float> shown = new HashMap<>();
    int starts = 0;
    for (Path file : files()) {
      for (Message event : events(file)) {
        long step = event.integer(2);
        if (event.has(7) && event.message(7).integer(1) == 1 && starts++ > 0) {
          shown.keySet().removeIf(s -> s >= step);
        } else if (event.has(5)) {
          shown.put(step, event.message(5).message(1).float32(2));
        }
      }
    }
    assertThat(files()).hasSize(2);
    assertThat(starts).isEqualTo(2);
    assertThat(shown).containsExactly(1L, 1f, 2L, 2f, 3L, 3f, 4L, 4f, 5L, 5f, 6L, 0.6f);
  }

  @Test
  void namesTheFolderThatItCannotWriteTo() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");
    assertThat(assertThrows(SfumatoException.class, () -> TensorBoardWriter.open(file, 0)))
        .hasMessageThat()
        .contains(file.toString());
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  private static Message last(TensorBoardWriter writer) throws IOException {
    List<Message> events = events(writer.path());
    return events.get(events.size() - 1);
  }

  /** Reads all records of a file and checks their sums. */
  private static List<Message> events(Path file) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<Message> events = new ArrayList<>();
    while (in.hasRemaining()) {
      byte[] length = new byte[8];
      in.get(length);
      assertThat(in.getInt()).isEqualTo(masked(length));
      byte[] data = new byte[(int) in.getLong(in.position() - 12)];
      in.get(data);
      assertThat(in.getInt()).isEqualTo(masked(data));
      events.add(new Message(data));
    }
    return events;
  }

  private static int masked(byte[] data) {
    CRC32C crc = new CRC32C();
    crc.update(data);
    long sum = crc.getValue();
    return (int) (((sum >>> 15 | sum << 17) + 0xA282EAD8L) & 0xFFFFFFFFL);
  }

  /** A parsed protocol buffer message: the values of each field as raw bytes or numbers. */
  private static final class Message {
    final Map<Integer, List<Object>> fields = new HashMap<>();

    Message(byte[] data) {
      ByteBuffer in = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
      while (in.hasRemaining()) {
        long tag = varint(in);
        Object value =
            switch ((int) tag & 7) {
              case 0 -> varint(in);
              case 1 -> in.getDouble();
              case 2 -> {
                byte[] bytes = new byte[(int) varint(in)];
                in.get(bytes);
                yield bytes;
              }
              case 5 -> in.getFloat();
              default -> throw new AssertionError("wire type of tag " + tag);
            };
        fields.computeIfAbsent((int) (tag >>> 3), field -> new ArrayList<>()).add(value);
      }
    }

    boolean has(int field) {
      return fields.containsKey(field);
    }

    long integer(int field) {
      return (long) fields.get(field).get(0);
    }

    float float32(int field) {
      return (float) fields.get(field).get(0);
    }

    double float64(int field) {
      return (double) fields.get(field).get(0);
    }

    double[] float64s(int field) {
      ByteBuffer packed = ByteBuffer.wrap(bytes(field)).order(ByteOrder.LITTLE_ENDIAN);
      double[] values = new double[packed.remaining() / Double.BYTES];
      packed.asDoubleBuffer().get(values);
      return values;
    }

    byte[] bytes(int field) {
      return (byte[]) fields.get(field).get(0);
    }

    String text(int field) {
      return new String(bytes(field), StandardCharsets.UTF_8);
    }

    Message message(int field) {
      return new Message(bytes(field));
    }

    private static long varint(ByteBuffer in) {
      long value = 0;
      for (int shift = 0; ; shift += 7) {
        byte next = in.get();
        value |= (long) (next & 0x7F) << shift;
        if (next >= 0) {
          return value;
        }
      }
    }
  }
}
