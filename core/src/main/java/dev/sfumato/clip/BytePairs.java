package dev.sfumato.clip;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Byte-pair encoding (Sennrich et al., 2016) of the UTF-8 bytes of words. A byte is written as one
 * visible character, and the last symbol of a word ends in {@code </w>}.
 */
final class BytePairs {
  /** The number of symbols of bytes, inside a word and at its end. */
  static final int BYTES = 512;

  private static final String WORD_END = "</w>";
  private static final String[] SYMBOLS = symbols();

  private final Map<String, Integer> vocabulary;
  private final Map<String, Integer> ranks = new HashMap<>();

  /**
   * @param vocabulary the numbers of all symbols
   * @param merges pairs of symbols with a space between them, in the order of merging
   */
  BytePairs(Map<String, Integer> vocabulary, List<String> merges) {
    this.vocabulary = vocabulary;
    for (String merge : merges) {
      ranks.putIfAbsent(merge, ranks.size());
    }
  }

  /**
   * Lists the symbols of all bytes: visible characters of Latin-1 stand for themselves, the others
   * become U+0100, U+0101, ...
   */
  private static String[] symbols() {
    String[] symbols = new String[256];
    int next = 256;
    for (int b = 0; b < symbols.length; b++) {
      boolean visible = b > 0x20 && b < 0x7f || b > 0xa0 && b != 0xad;
      symbols[b] = Character.toString(visible ? b : next++);
    }
    return symbols;
  }

  /**
   * Numbers the symbols as OpenAI's vocabulary does: the bytes, visible ones first, the bytes at
   * the end of a word, the merged symbols, {@code special}.
   */
  static Map<String, Integer> vocabulary(List<String> merges, List<String> special) {
    Map<String, Integer> vocabulary = new HashMap<>();
    for (String suffix : new String[] {"", WORD_END}) {
      for (boolean visible : new boolean[] {true, false}) {
        for (String symbol : SYMBOLS) {
          if (symbol.charAt(0) < 256 == visible) {
            vocabulary.put(symbol + suffix, vocabulary.size());
          }
        }
      }
    }
    // Some pairs merge into the same symbol: it gets the later number, and no number is used twice.
    int next = vocabulary.size();
    for (String merge : merges) {
      vocabulary.put(merge.replace(" ", ""), next++);
    }
    for (String token : special) {
      vocabulary.put(token, next++);
    }
    return vocabulary;
  }

  /** Returns the merged pairs in the order of merging. */
  List<String> merges() {
    return ranks.entrySet().stream()
        .sorted(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey)
        .toList();
  }

  /**
   * Returns the numbers of the merged symbols of {@code word}; {@code unknown} for unknown symbols.
   */
  List<Integer> encode(String word, int unknown) {
    List<String> symbols = new ArrayList<>();
    for (byte b : word.getBytes(StandardCharsets.UTF_8)) {
      symbols.add(SYMBOLS[b & 0xff]);
    }
    symbols.set(symbols.size() - 1, symbols.get(symbols.size() - 1) + WORD_END);
    for (String pair = best(symbols); pair != null; pair = best(symbols)) {
      merge(symbols, pair);
    }
    return symbols.stream().map(symbol -> vocabulary.getOrDefault(symbol, unknown)).toList();
  }

  private String best(List<String> symbols) {
    String best = null;
    int lowest = Integer.MAX_VALUE;
    for (int i = 0; i + 1 < symbols.size(); i++) {
      String pair = symbols.get(i) + ' ' + symbols.get(i + 1);
      int rank = ranks.getOrDefault(pair, Integer.MAX_VALUE);
      if (rank < lowest) {
        lowest = rank;
        best = pair;
      }
    }
    return best;
  }

  private static void merge(List<String> symbols, String pair) {
    List<String> merged = new ArrayList<>();
    for (int i = 0; i < symbols.size(); i++) {
      boolean here =
          i + 1 < symbols.size() && pair.equals(symbols.get(i) + ' ' + symbols.get(i + 1));
      merged.add(here ? symbols.get(i) + symbols.get(++i) : symbols.get(i));
    }
    symbols.clear();
    symbols.addAll(merged);
  }
}
