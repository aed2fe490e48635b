package dev.sfumato.training;

import dev.sfumato.tensor.Tensor;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;

/** Names that only equal things share: the first half of a SHA-256. */
final class Fingerprint {
  private static final int BYTES = 16;

  private Fingerprint() {}

  static String of(String text) {
    return name(digest(), text.getBytes(StandardCharsets.UTF_8));
  }

  /** Returns the name of a tensor; the same numbers in another shape have another. */
  static String of(Tensor tensor) {
    return of(Map.of("", tensor), "");
  }

  /**
   * Returns the name of a network.
   *
   * @param weights by name
   * @param computation how it is computed, which rounding depends on
   */
  static String of(Map<String, Tensor> weights, String computation) {
    MessageDigest digest = digest();
    new TreeMap<>(weights)
        .forEach(
            (name, weight) -> {
              String kind = name + weight.dtype() + Arrays.toString(weight.shape());
              digest.update(kind.getBytes(StandardCharsets.UTF_8));
              digest.update(weight.toBytes());
            });
    return name(digest, computation.getBytes(StandardCharsets.UTF_8));
  }

  private static String name(MessageDigest digest, byte[] end) {
    return HexFormat.of().formatHex(digest.digest(end), 0, BYTES);
  }

  private static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e); // every Java has it
    }
  }
}
