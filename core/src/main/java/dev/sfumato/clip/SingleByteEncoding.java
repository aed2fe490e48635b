package dev.sfumato.clip;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * An encoding with one byte per character. A sloppy one maps undefined bytes to the characters of
 * Latin-1, as many programs do, and keeps byte 1A for U+FFFD, the character of a lost byte.
 */
final class SingleByteEncoding {
  static final SingleByteEncoding LATIN_1 = exact("ISO-8859-1");
  static final SingleByteEncoding WINDOWS_1252 = sloppy("windows-1252");
  private static final SingleByteEncoding MAC_ROMAN = exact("x-MacRoman");

  /** The encodings in which UTF-8 is commonly misread, in the order of trying. */
  static final List<SingleByteEncoding> CANDIDATES =
      List.of(
          LATIN_1,
          WINDOWS_1252,
          sloppy("windows-1251"),
          sloppy("windows-1250"),
          sloppy("windows-1253"),
          sloppy("windows-1254"),
          sloppy("windows-1257"),
          exact("ISO-8859-2"),
          MAC_ROMAN,
          exact("IBM437"));

  /** The encodings whose accented letters have Latin-1's bytes. */
  private static final List<SingleByteEncoding> LIKE_LATIN_1 = CANDIDATES.subList(0, 7);

  private final boolean sloppy;
  private final String characters;
  private final Map<Character, Byte> bytes = new HashMap<>();

  private SingleByteEncoding(String charset, boolean sloppy) {
    this.sloppy = sloppy;
    char[] table = new String(allBytes(), Charset.forName(charset)).toCharArray();
    for (int b = 0; b < table.length; b++) {
      if (sloppy) {
        table[b] = b == 0x1a ? '\ufffd' : table[b] == '\ufffd' ? (char) b : table[b];
      }
      bytes.putIfAbsent(table[b], (byte) b);
    }
    characters = new String(table);
  }

  private static SingleByteEncoding exact(String charset) {
    return new SingleByteEncoding(charset, false);
  }

  private static SingleByteEncoding sloppy(String charset) {
    return new SingleByteEncoding(charset, true);
  }

  private static byte[] allBytes() {
    byte[] bytes = new byte[256];
    for (int b = 0; b < bytes.length; b++) {
      bytes[b] = (byte) b;
    }
    return bytes;
  }

  /**
   * Returns the characters of the bytes {@code first} to {@code last} in encodings like Latin-1.
   */
  static String charactersOf(int first, int last) {
    return IntStream.rangeClosed(first, last)
        .boxed()
        .flatMap(b -> LIKE_LATIN_1.stream().map(encoding -> encoding.decode(b)))
        .distinct()
        .collect(Collectors.joining());
  }

  boolean isSloppy() {
    return sloppy;
  }

  /** Returns true if a space in it may have been the byte A0, as in all but Mac OS. */
  boolean hasNoBreakSpace() {
    return this != MAC_ROMAN;
  }

  String decode(int b) {
    return characters.substring(b, b + 1);
  }

  /** Returns true if it has all characters of {@code text}. */
  boolean encodes(String text) {
    return text.chars().allMatch(c -> bytes.containsKey((char) c));
  }

  /** Returns the bytes of {@code text}, each as the Latin-1 character with that number. */
  String encode(String text) {
    byte[] encoded = new byte[text.length()];
    for (int i = 0; i < encoded.length; i++) {
      encoded[i] = bytes.get(text.charAt(i));
    }
    return new String(encoded, StandardCharsets.ISO_8859_1);
  }
}
