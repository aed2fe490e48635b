package dev.sfumato.tensor;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sfumato.SfumatoException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The checked table of contents of a safetensors file: 8 bytes with the length of a JSON object,
 * the object, then the elements of all tensors without gaps.
 *
 * @param bytes the length field and the JSON as they stand in the file
 * @param metadata the texts under {@code __metadata__}
 * @param entries the tensors in the order of their elements
 */
record SafetensorsHeader(byte[] bytes, Map<String, String> metadata, List<Entry> entries) {
  /** The name that holds texts instead of a tensor. */
  static final String METADATA = "__metadata__";

  /** The longest JSON that is read, as in the reference implementation. */
  private static final long MAX_JSON = 100_000_000;

  private static final ObjectMapper MAPPER =
      new ObjectMapper(
          JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build());

  /** One tensor, and where its elements start, counted from the end of the header. */
  record Entry(TensorInfo info, long start) {
    long end() {
      return start + info.bytes();
    }
  }

  /**
   * Reads the header and checks it against the length of the file.
   *
   * @throws SfumatoException naming {@code file}, and the tensor, for every fault
   */
  static SafetensorsHeader read(Path file, FileChannel channel) throws IOException {
    long size = channel.size();
    if (size < 8) {
      throw broken(file, "is too short (" + size + " bytes): the file is truncated");
    }
    long length = read(file, channel, 8).getLong();
    if (length < 0 || length > MAX_JSON) {
      throw broken(
          file, "does not start with the length of a header: it is not a safetensors file");
    }
    if (length > size - 8) {
      throw broken(file, "ends inside its header: the file is truncated");
    }
    channel.position(0);
    byte[] bytes = read(file, channel, Math.toIntExact(8 + length)).array();
    if (length == 0 || bytes[8] != '{') {
      throw broken(file, "has a header that does not begin with '{': it is not a safetensors file");
    }
    SafetensorsHeader header = parse(file, bytes);
    header.requireExtent(file, size - bytes.length);
    return header;
  }

  private static ByteBuffer read(Path file, FileChannel channel, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        throw broken(file, "ends inside its header: the file is truncated");
      }
    }
    return buffer.flip();
  }

  private static SafetensorsHeader parse(Path file, byte[] bytes) throws IOException {
    Map<String, String> metadata = new LinkedHashMap<>();
    List<Entry> entries = new ArrayList<>();
    // A fresh decoder stops at anything that is not UTF-8; Jackson alone also guesses UTF-16 and
    // 32.
    try (JsonParser json =
        MAPPER.createParser(
            new InputStreamReader(
                new ByteArrayInputStream(bytes, 8, bytes.length - 8),
                StandardCharsets.UTF_8.newDecoder()))) {
      json.nextToken();
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String name = json.currentName();
        json.nextToken();
        JsonNode value = MAPPER.readTree(json);
        if (name.equals(METADATA)) {
          readMetadata(file, value, metadata);
        } else {
          entries.add(entry(file, name, value));
        }
      }
      if (json.nextToken() != null) {
        throw broken(file, "has a header that goes on after its last '}'");
      }
    } catch (JsonProcessingException e) {
      String reason = e.getOriginalMessage().lines().findFirst().orElse("");
      throw new SfumatoException(file + ": the header is not valid JSON: " + reason, e);
    } catch (CharacterCodingException e) {
      throw new SfumatoException(file + ": the header is not UTF-8", e);
    }
    entries.sort(Comparator.comparingLong(Entry::start).thenComparingLong(Entry::end));
    return new SafetensorsHeader(bytes, metadata, entries);
  }

  private static void readMetadata(Path file, JsonNode value, Map<String, String> metadata) {
    if (!value.isObject()) {
      throw broken(file, "has " + METADATA + " that is not a JSON object");
    }
    for (Map.Entry<String, JsonNode> text : value.properties()) {
      if (!text.getValue().isTextual()) {
        throw broken(
            file, "has " + METADATA + " whose entry '" + text.getKey() + "' is not a string");
      }
      metadata.put(text.getKey(), text.getValue().textValue());
    }
  }

  private static Entry entry(Path file, String name, JsonNode value) {
    String code = value.path("dtype").asText();
    DType dtype =
        DType.ofCode(code)
            .orElseThrow(() -> broken(file, name, "dtype '" + code + "' is not supported"));
    List<Long> shape = naturals(file, name, value, "shape");
    List<Long> range = naturals(file, name, value, "data_offsets");
    if (range.size() != 2 || range.get(0) > range.get(1)) {
      throw broken(file, name, "data_offsets " + range + " are not a range");
    }
    long bytes = range.get(1) - range.get(0);
    if (bytes != size(file, name, dtype, shape)) {
      throw broken(file, name, code + " " + shape + " does not fill its data_offsets " + range);
    }
    return new Entry(new TensorInfo(name, dtype, shape, bytes), range.get(0));
  }

  private static long size(Path file, String name, DType dtype, List<Long> shape) {
    try {
      return shape.stream().reduce((long) dtype.bytes(), Math::multiplyExact);
    } catch (ArithmeticException e) {
      throw broken(file, name, "the size of shape " + shape + " overflows");
    }
  }

  private static List<Long> naturals(Path file, String name, JsonNode entry, String key) {
    JsonNode array = entry.path(key);
    List<Long> numbers = new ArrayList<>();
    for (JsonNode number : array) {
      if (!number.isIntegralNumber() || !number.canConvertToLong() || number.longValue() < 0) {
        throw broken(file, name, key + " holds " + number + ", which is not a size");
      }
      numbers.add(number.longValue());
    }
    if (!array.isArray()) {
      throw broken(file, name, key + " is missing or not a list");
    }
    return numbers;
  }

  private void requireExtent(Path file, long available) {
    long end = 0;
    for (Entry entry : entries) {
      if (entry.start() != end) {
        String problem = entry.start() < end ? "overlap another tensor" : "leave a gap";
        throw broken(
            file,
            entry.info().name(),
            "data_offsets start at " + entry.start() + " and " + problem + ": expected " + end);
      }
      end = entry.end();
      if (end > available) {
        throw broken(
            file,
            entry.info().name(),
            "ends at byte " + end + " of " + available + ": the file is truncated");
      }
    }
    if (end < available) {
      throw broken(file, "holds " + (available - end) + " bytes that belong to no tensor");
    }
  }

  private static SfumatoException broken(Path file, String problem) {
    return new SfumatoException(file + ": " + problem);
  }

  private static SfumatoException broken(Path file, String tensor, String problem) {
    return new SfumatoException(file + ": tensor '" + tensor + "': " + problem);
  }
}
