package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * What is said about pictures besides what they show.
 *
 * @param classNames the names of the classes, by label; empty if there are none
 * @param labels the class of each picture; empty if there are none
 * @param captions a text for each picture; empty if there are none
 */
record Annotations(List<String> classNames, int[] labels, List<String> captions) {
  private static final int MAX_CLASSES = 100_000;

  /** Nothing is said. */
  static final Annotations NONE = new Annotations(List.of(), new int[0], List.of());

  /** Returns these captions with classes by name, numbered in {@link #inOrder the order}. */
  Annotations withClasses(List<String> nameOfEach) {
    List<String> names = inOrder(nameOfEach);
    Map<String, Integer> numbers = new HashMap<>();
    names.forEach(name -> numbers.put(name, numbers.size()));
    return new Annotations(names, nameOfEach.stream().mapToInt(numbers::get).toArray(), captions);
  }

  /**
   * Returns the different ones of some names: in the order of the alphabet or, if all are whole
   * numbers, of the numbers.
   */
  static List<String> inOrder(List<String> names) {
    boolean numbers = names.stream().allMatch(name -> name.matches("[0-9]+"));
    Comparator<String> order = Comparator.naturalOrder();
    return names.stream()
        .distinct()
        .sorted(
            numbers
                ? Comparator.comparing((String n) -> new BigInteger(n)).thenComparing(order)
                : order)
        .toList();
  }

  /**
   * Returns these captions with classes by number.
   *
   * @param names by label; where empty, the numbers from 0 to the largest label are the names
   * @param source what messages say the labels are from
   * @throws SfumatoException if a label has no name
   */
  Annotations withClasses(int[] labelOfEach, List<String> names, String source) {
    int limit = names.isEmpty() ? MAX_CLASSES : names.size();
    for (int i = 0; i < labelOfEach.length; i++) {
      if (labelOfEach[i] < 0 || labelOfEach[i] >= limit) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "%s: label %d of picture %d is out of range, must be 0 to %d",
                source,
                labelOfEach[i],
                i,
                limit - 1));
      }
    }
    int largest = Arrays.stream(labelOfEach).max().orElse(0);
    List<String> known =
        names.isEmpty()
            ? IntStream.rangeClosed(0, largest).mapToObj(Integer::toString).toList()
            : names;
    return new Annotations(known, labelOfEach, captions);
  }

  /** Returns these classes with a text for each picture. */
  Annotations withCaptions(List<String> texts) {
    return new Annotations(classNames, labels, List.copyOf(texts));
  }

  /** Returns what is said about some of the pictures; the classes stay, so that labels do. */
  Annotations of(int[] pictures) {
    int[] someLabels =
        labels.length == 0 ? labels : IntStream.of(pictures).map(i -> labels[i]).toArray();
    List<String> someCaptions = new ArrayList<>();
    if (!captions.isEmpty()) {
      IntStream.of(pictures).forEach(i -> someCaptions.add(captions.get(i)));
    }
    return new Annotations(classNames, someLabels, List.copyOf(someCaptions));
  }
}
