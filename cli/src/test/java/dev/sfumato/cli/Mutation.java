package dev.sfumato.cli;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Damages a file as disks, networks, editors and people do. */
final class Mutation {
  private static final Pattern TOKEN = Pattern.compile("\"[^\"\\n]*\"|-?\\d[\\d.eE+-]*|[A-Za-z_]+");
  private static final List<String> ODD =
      List.of(
          "0",
          "-1",
          "1e309",
          "NaN",
          "null",
          "\"\"",
          "[]",
          "{}",
          "true",
          "0.5",
          "1e-320",
          "\"../x\"",
          "99999999999999999999",
          "2147483648",
          "4294967296",
          "\"\u0000\"",
          "\"\u001b[31m\"",
          "");

  private Mutation() {}

  /** A damaged copy; the same {@code random} gives the same one. */
  static byte[] of(byte[] content, boolean isText, Random random) {
    byte[] damaged = content;
    for (int i = 0; i <= random.nextInt(3); i++) {
      damaged = isText && random.nextInt(4) > 0 ? text(damaged, random) : bytes(damaged, random);
    }
    return damaged;
  }

  /** The header of a safetensors file is text of an announced length. */
  static byte[] ofSafetensors(byte[] content, Random random) {
    int length = (int) ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (random.nextInt(3) == 0) {
      return of(content, false, random);
    }
    byte[] weights = Arrays.copyOfRange(content, 8 + length, content.length);
    byte[] header = Arrays.copyOfRange(content, 8, 8 + length);
    if (random.nextInt(2) == 0) {
      header = of(header, true, random);
    } else {
      odd(weights, random);
    }
    return ByteBuffer.allocate(8 + header.length + weights.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(header.length)
        .put(header)
        .put(weights)
        .array();
  }

  /** Numbers that no training leaves: NaN, infinite, huge. */
  private static void odd(byte[] weights, Random random) {
    float[] values = {Float.NaN, Float.POSITIVE_INFINITY, -3e38f, 1e30f, Float.MIN_VALUE};
    for (int i = 0; i <= random.nextInt(4) && weights.length >= 4; i++) {
      ByteBuffer.wrap(weights)
          .order(ByteOrder.LITTLE_ENDIAN)
          .putFloat(random.nextInt(weights.length / 4) * 4, values[random.nextInt(values.length)]);
    }
  }

  private static byte[] text(byte[] content, Random random) {
    String text = new String(content, StandardCharsets.ISO_8859_1);
    if (random.nextInt(4) == 0) {
      List<String> lines = new ArrayList<>(text.lines().toList());
      if (!lines.isEmpty()) {
        int line = random.nextInt(lines.size());
        if (random.nextBoolean()) {
          lines.add(random.nextInt(lines.size()), lines.get(line));
        } else {
          lines.remove(line);
        }
      }
      return String.join("\n", lines).getBytes(StandardCharsets.ISO_8859_1);
    }
    List<int[]> tokens = new ArrayList<>();
    Matcher matcher = TOKEN.matcher(text);
    while (matcher.find()) {
      tokens.add(new int[] {matcher.start(), matcher.end()});
    }
    if (tokens.isEmpty()) {
      return bytes(content, random);
    }
    int[] token = tokens.get(random.nextInt(tokens.size()));
    String odd = ODD.get(random.nextInt(ODD.size()));
    return (text.substring(0, token[0]) + odd + text.substring(token[1]))
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  private static byte[] bytes(byte[] content, Random random) {
    if (content.length == 0) {
      return new byte[] {(byte) random.nextInt(256)};
    }
    byte[] copy = content.clone();
    int at = place(content.length, random);
    int count = Math.min(content.length - at, 1 + random.nextInt(16));
    switch (random.nextInt(7)) {
      case 0 -> copy[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> copy[at] = (byte) random.nextInt(256);
      case 2 -> Arrays.fill(copy, at, at + count, (byte) (random.nextBoolean() ? 0 : 0xff));
      case 3 -> copy = Arrays.copyOf(content, at);
      case 4 ->
          System.arraycopy(content, random.nextInt(content.length - count + 1), copy, at, count);
      case 5 -> copy = joined(content, at, new byte[0], at + count);
      default -> {
        byte[] inserted = new byte[count];
        random.nextBytes(inserted);
        copy = joined(content, at, inserted, at);
      }
    }
    return copy;
  }

  /** Headers and directories, at the ends, decide more than what lies between. */
  private static int place(int length, Random random) {
    int near = Math.min(length, 64);
    return switch (random.nextInt(4)) {
      case 0 -> random.nextInt(near);
      case 1 -> length - 1 - random.nextInt(near);
      default -> random.nextInt(length);
    };
  }

  private static byte[] joined(byte[] content, int end, byte[] middle, int start) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(content, 0, end);
    all.writeBytes(middle);
    all.write(content, start, content.length - start);
    return all.toByteArray();
  }
}
