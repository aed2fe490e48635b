package dev.sfumato.clip;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * An encoding of one byte a character. A sloppy one gives bytes that it does not define the
 * characters of Latin-1, as many programs do, and keeps byte 1A for U+FFFD, the character of a byte
 * that was lost.
 */
final class SingleByteEncoding {
  static final SingleByteEncoding LATIN_1 = exact("ISO-8859-1");
  static final SingleByteEncoding WINDOWS_1252 = sloppy("windows-1252");
  private static final SingleByteEncoding MAC_ROMAN = exact("x-MacRoman");

  /** Those with which UTF-8 is taken for something else, in the order in which they are tried. */
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

  /** Those whose accented letters lie where Latin-1 has them. */
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

  /** The characters that the bytes {@code first} to {@code last} have in encodings like Latin-1. */
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

  /** Whether a space in it may have been the byte A0, which is not so in Mac OS. */
  boolean hasNoBreakSpace() {
    return this != MAC_ROMAN;
  }

  String decode(int b) {
    return characters.substring(b, b + 1);
  }

  /** Whether it has all characters of {@code text}. */
  boolean encodes(String text) {
    return text.chars().allMatch(c -> bytes.containsKey((char) c));
  }

  /** The bytes of {@code text}, each as the character of Latin-1 with its number. */
  String encode(String text) {
    byte[] encoded = new byte[text.length()];
    for (int i = 0; i < encoded.length; i++) {
      encoded[i] = bytes.get(text.charAt(i));
    }
    return new String(encoded, StandardCharsets.ISO_8859_1);
  }
}
