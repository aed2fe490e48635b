package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * The hash by which the Hub and its cache name a content: SHA-256 for large files (LFS), Git's
 * SHA-1 for others, which covers {@code "blob <size>\0"} and the content.
 */
public final class ContentHash {
  private static final Pattern SHA_256 = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern GIT = Pattern.compile("[0-9a-f]{40}");

  private ContentHash() {}

  /** Returns true if the text is such a hash. */
  static boolean isOne(String text) {
    return SHA_256.matcher(text).matches() || GIT.matcher(text).matches();
  }

  /** Returns true if {@code hash}, of either kind, is that of the file. */
  static boolean isOf(Path file, String hash) throws IOException {
    MessageDigest digest = digest(SHA_256.matcher(hash).matches() ? "SHA-256" : "SHA-1");
    if (GIT.matcher(hash).matches()) {
      digest.update(("blob " + Files.size(file) + "\0").getBytes(StandardCharsets.US_ASCII));
    }
    return of(file, digest).equals(hash);
  }

  /**
   * Returns the SHA-256 of a file in hexadecimal digits.
   *
   * @throws SfumatoException if it cannot be read
   */
  public static String sha256(Path file) {
    try {
      return of(file, digest("SHA-256"));
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  /** Returns the SHA-256 of bytes in hexadecimal digits. */
  public static String sha256(byte[] bytes) {
    return HexFormat.of().formatHex(digest("SHA-256").digest(bytes));
  }

  private static String of(Path file, MessageDigest digest) throws IOException {
    byte[] buffer = new byte[1 << 16];
    try (InputStream content = Files.newInputStream(file)) {
      for (int n = content.read(buffer); n >= 0; n = content.read(buffer)) {
        digest.update(buffer, 0, n);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest digest(String algorithm) {
    try {
      return MessageDigest.getInstance(algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has " + algorithm, e);
    }
  }
}
