package dev.sfumato.scheduler;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * numpy's {@code SeedSequence} (O'Neill's {@code seed_seq} without its faults): spreads a seed and
 * the place in a tree of streams over a pool of words, so that similar seeds give unrelated
 * streams. Words are unsigned 32-bit numbers.
 */
final class SeedSequence {
  private static final int INIT_A = 0x43b0d7e5;
  private static final int MULT_A = 0x931e8875;
  private static final int INIT_B = 0x8b51f9dd;
  private static final int MULT_B = 0x58f38ded;
  private static final int MIX_MULT_L = 0xca01f9dd;
  private static final int MIX_MULT_R = 0x4973f715;

  private final int[] pool;
  private int hash = INIT_A;

  /**
   * @param entropy the seed, not negative
   * @param spawnKey the place in the tree, as non-negative numbers; empty for the root
   */
  SeedSequence(long entropy, int poolSize, long... spawnKey) {
    pool = new int[poolSize];
    List<Integer> words = new ArrayList<>(words(entropy));
    while (spawnKey.length > 0 && words.size() < poolSize) {
      words.add(0);
    }
    Arrays.stream(spawnKey).forEach(key -> words.addAll(words(key)));
    for (int i = 0; i < poolSize; i++) {
      pool[i] = hashed(i < words.size() ? words.get(i) : 0);
    }
    for (int source = 0; source < poolSize; source++) {
      for (int i = 0; i < poolSize; i++) {
        if (i != source) {
          pool[i] = mixed(pool[i], hashed(pool[source]));
        }
      }
    }
    for (int word : words.subList(Math.min(poolSize, words.size()), words.size())) {
      for (int i = 0; i < poolSize; i++) {
        pool[i] = mixed(pool[i], hashed(word));
      }
    }
  }

  /** Returns {@code count} seeds of 32 bits each, always the same. */
  long[] state(int count) {
    long[] state = new long[count];
    int h = INIT_B;
    for (int i = 0; i < count; i++) {
      int value = pool[i % pool.length] ^ h;
      h *= MULT_B;
      state[i] = Integer.toUnsignedLong(shifted(value * h));
    }
    return state;
  }

  /** Splits a number into words, the lowest first. */
  private static List<Integer> words(long number) {
    int high = (int) (number >>> 32);
    return high == 0 ? List.of((int) number) : List.of((int) number, high);
  }

  private int hashed(int word) {
    int value = word ^ hash;
    hash *= MULT_A;
    return shifted(value * hash);
  }

  private static int mixed(int x, int y) {
    return shifted(MIX_MULT_L * x - MIX_MULT_R * y);
  }

  private static int shifted(int value) {
    return value ^ (value >>> 16);
  }
}
