package dev.sfumato.chart;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.picture.Png;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * Logs a run into an event file of TensorBoard. Every event reaches the operating system in one
 * write before the method returns, so a killed process loses none. Safe for use by several threads.
 *
 * <p>A file is a sequence of records: length (8 bytes, little endian), its masked CRC32C, a
 * serialised {@code tensorboard.Event}, its masked CRC32C.
 */
public final class TensorBoardWriter implements AutoCloseable {
  private static final Pattern EVENT_FILE =
      Pattern.compile("events\\.out\\.tfevents\\.(\\d{1,12})\\..*");

  // Field numbers of tensorboard's event.proto, summary.proto and tensor.proto.
  private static final int EVENT_WALL_TIME = 1;
  private static final int EVENT_STEP = 2;
  private static final int EVENT_FILE_VERSION = 3;
  private static final int EVENT_SUMMARY = 5;
  private static final int EVENT_SESSION_LOG = 7;
  private static final int SESSION_LOG_STATUS = 1;
  private static final int SESSION_START = 1;
  private static final int SUMMARY_VALUE = 1;
  private static final int VALUE_TAG = 1;
  private static final int VALUE_SIMPLE = 2;
  private static final int VALUE_IMAGE = 4;
  private static final int VALUE_HISTOGRAM = 5;
  private static final int VALUE_TENSOR = 8;
  private static final int VALUE_METADATA = 9;

  private final Path path;
  private final RandomAccessFile file;

  private TensorBoardWriter(Path path, RandomAccessFile file) {
    this.path = path;
    this.file = file;
  }

  /**
   * Starts a new event file in {@code folder}, which is made if it is missing. TensorBoard hides
   * events of earlier files from {@code firstStep} on, so a run that resumes after step N opens its
   * log with N + 1 and shows no step twice; a new run opens it with 0.
   *
   * @throws SfumatoException if the file cannot be made
   */
  public static TensorBoardWriter open(Path folder, long firstStep) {
    try {
      AtomicFile.createDirectories(folder);
      long seconds = Math.max(System.currentTimeMillis() / 1000, newest(folder) + 1);
      Path path =
          folder.resolve(
              "events.out.tfevents." + seconds + ".sfumato." + ProcessHandle.current().pid());
      TensorBoardWriter writer =
          new TensorBoardWriter(path, new RandomAccessFile(path.toFile(), "rw"));
      writer.append(event(0).text(EVENT_FILE_VERSION, "brain.Event:2"));
      // TensorBoard takes a run's first start for its beginning and every later one for a restart.
      writer.append(
          event(firstStep)
              .message(
                  EVENT_SESSION_LOG,
                  new ProtobufMessage().integer(SESSION_LOG_STATUS, SESSION_START)));
      return writer;
    } catch (IOException e) {
      throw new SfumatoException(
          "cannot write TensorBoard events to " + folder + ": " + AtomicFile.reason(e), e);
    }
  }

  /** Returns the event file. */
  public Path path() {
    return path;
  }

  /** Logs one number, kept as float32. */
  public void scalar(String tag, long step, double value) {
    scalars(step, Map.of(tag, value));
  }

  /** Logs several numbers of one step as one event. */
  public void scalars(long step, Map<String, Double> values) {
    append(step, values, (value, number) -> value.float32(VALUE_SIMPLE, number.floatValue()));
  }

  /** Logs a picture. */
  public void image(String tag, long step, BufferedImage image) {
    ProtobufMessage picture =
        new ProtobufMessage()
            .integer(1, image.getHeight())
            .integer(2, image.getWidth())
            .integer(3, image.getColorModel().getNumComponents())
            .bytes(4, Png.encode(image));
    append(step, Map.of(tag, picture), (value, message) -> value.message(VALUE_IMAGE, message));
  }

  /** Logs a text, which TensorBoard reads as Markdown. */
  public void text(String tag, long step, String markdown) {
    ProtobufMessage plugin =
        new ProtobufMessage().message(1, new ProtobufMessage().text(1, "text"));
    ProtobufMessage tensor =
        new ProtobufMessage()
            .integer(1, 7) // dtype: DT_STRING
            .message(2, new ProtobufMessage()) // shape: a scalar
            .text(8, markdown);
    append(
        step,
        Map.of(tag, tensor),
        (value, message) -> value.message(VALUE_TENSOR, message).message(VALUE_METADATA, plugin));
  }

  /** Logs histograms of several tensors, by name, as one event. */
  public void histograms(long step, Map<String, Histogram> histograms) {
    append(
        step, histograms, (value, histogram) -> value.message(VALUE_HISTOGRAM, message(histogram)));
  }

  private static ProtobufMessage message(Histogram histogram) {
    double[] counts = histogram.counts();
    return new ProtobufMessage()
        .float64(1, histogram.min())
        .float64(2, histogram.max())
        .float64(3, DoubleStream.of(counts).sum())
        .float64(4, histogram.sum())
        .float64(5, histogram.sumOfSquares())
        .float64s(6, IntStream.range(0, counts.length).mapToDouble(histogram::limit).toArray())
        .float64s(7, counts);
  }

  /** Ends the log. */
  @Override
  public synchronized void close() {
    try {
      file.close();
    } catch (IOException e) {
      throw new SfumatoException("cannot close " + path + ": " + AtomicFile.reason(e), e);
    }
  }

  private static ProtobufMessage event(long step) {
    return new ProtobufMessage()
        .float64(EVENT_WALL_TIME, System.currentTimeMillis() / 1000.0)
        .integer(EVENT_STEP, step);
  }

  /** Logs values by their tags as one event; {@code content} fills the message of a value. */
  private <T> void append(
      long step, Map<String, T> values, BiConsumer<ProtobufMessage, T> content) {
    ProtobufMessage summary = new ProtobufMessage();
    values.forEach(
        (tag, each) -> {
          ProtobufMessage value = new ProtobufMessage().text(VALUE_TAG, tag);
          content.accept(value, each);
          summary.message(SUMMARY_VALUE, value);
        });
    append(event(step).message(EVENT_SUMMARY, summary));
  }

  private synchronized void append(ProtobufMessage event) {
    byte[] data = event.toByteArray();
    byte[] length = ProtobufMessage.littleEndian(Long.BYTES).putLong(data.length).array();
    byte[] record =
        ProtobufMessage.littleEndian(data.length + 16)
            .put(length)
            .putInt(maskedCrc(length))
            .put(data)
            .putInt(maskedCrc(data))
            .array();
    try {
      long start = file.getFilePointer();
      try {
        file.write(record);
      } catch (IOException e) {
        file.setLength(start); // half a record would hide every later one
        throw e;
      }
    } catch (IOException e) {
      throw new SfumatoException("cannot write to " + path + ": " + AtomicFile.reason(e), e);
    }
  }

  /** A record's checksum is rotated and shifted, since its data may itself hold checksums. */
  private static int maskedCrc(byte[] data) {
    CRC32C crc = new CRC32C();
    crc.update(data);
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xA282EAD8;
  }

  /**
   * Returns the seconds in the last event file's name; TensorBoard reads files in the order of
   * names.
   */
  private static long newest(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> EVENT_FILE.matcher(file.getFileName().toString()))
          .filter(Matcher::matches)
          .mapToLong(matcher -> Long.parseLong(matcher.group(1)))
          .max()
          .orElse(0);
    }
  }
}
