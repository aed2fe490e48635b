package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Classes and captions of pictures, and how often an epoch takes each.
 *
 * @param classNames the names of the classes, by label; empty if there are none
 * @param labels the class of each picture; empty if there are none
 * @param captions a text for each picture; empty if there are none
 * @param repeats how often an epoch takes each picture; empty if once
 */
record Annotations(List<String> classNames, int[] labels, List<String> captions, int[] repeats) {
  private static final int MAX_CLASSES = 100_000;

  /** No classes and no captions. */
  static final Annotations NONE = new Annotations(List.of(), new int[0], List.of(), new int[0]);

  /**
   * Returns these captions with classes by name, numbered in {@link #inOrder the order}.
   *
   * @param all the names of all classes, including those of other splits, so that labels mean the
   *     same there
   */
  Annotations withClasses(List<String> nameOfEach, List<String> all) {
    List<String> names = inOrder(all);
    Map<String, Integer> numbers = new HashMap<>();
    names.forEach(name -> numbers.put(name, numbers.size()));
    return new Annotations(
        names, nameOfEach.stream().mapToInt(numbers::get).toArray(), captions, repeats);
  }

  /**
   * Returns the distinct names in alphabetical order or, if all are whole numbers, in numerical
   * order.
   */
  static List<String> inOrder(List<String> names) {
    List<String> different = names.stream().distinct().toList();
    boolean numbers = different.stream().allMatch(name -> name.matches("[0-9]{1,1000}"));
    Comparator<String> order = Comparator.naturalOrder();
    return different.stream()
        .sorted(
            numbers
                ? Comparator.<String, BigInteger>comparing(BigInteger::new).thenComparing(order)
                : order)
        .toList();
  }

  /**
   * Returns these captions with the classes of a column: by number if all labels are numbers, by
   * name if none is.
   *
   * @param all the labels, including those of other splits, so that they mean the same there
   * @param names the names by label if the labels are numbers; if empty, the numbers from 0 to the
   *     largest label are the names
   * @param source the origin of the labels in messages
   * @throws SfumatoException if some labels are numbers and some names, or one is not 0, 1, 2 ...
   *     or has no name
   */
  Annotations withClasses(
      List<Label> labelOfEach, List<Label> all, List<String> names, String source) {
    if (labelOfEach.stream().noneMatch(Label::number)) {
      return withClasses(
          labelOfEach.stream().map(Label::text).toList(), all.stream().map(Label::text).toList());
    }
    int limit = names.isEmpty() ? MAX_CLASSES : names.size();
    int[] labels = new int[labelOfEach.size()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = labelOfEach.get(i).requireBelow(limit, source, i);
    }
    int largest = 0;
    for (int i = 0; i < all.size(); i++) {
      largest = Math.max(largest, all.get(i).requireBelow(limit, source, i));
    }
    List<String> known =
        names.isEmpty()
            ? IntStream.rangeClosed(0, largest).mapToObj(Integer::toString).toList()
            : names;
    return new Annotations(known, labels, captions, repeats);
  }

  /** Returns these classes with a text for each picture. */
  Annotations withCaptions(List<String> texts) {
    return new Annotations(classNames, labels, List.copyOf(texts), repeats);
  }

  /** Returns how often an epoch takes a picture. */
  int repeatsOf(int picture) {
    return repeats.length == 0 ? 1 : repeats[picture];
  }

  /** Returns these annotations with how often an epoch takes each picture. */
  Annotations withRepeats(int[] times) {
    return new Annotations(classNames, labels, captions, times);
  }

  /**
   * Returns the annotations of some of the pictures; the classes stay, so labels keep their
   * meaning.
   */
  Annotations of(int[] pictures) {
    List<String> someCaptions = new ArrayList<>();
    if (!captions.isEmpty()) {
      IntStream.of(pictures).forEach(i -> someCaptions.add(captions.get(i)));
    }
    return new Annotations(
        classNames, some(labels, pictures), List.copyOf(someCaptions), some(repeats, pictures));
  }

  private static int[] some(int[] all, int[] pictures) {
    return all.length == 0 ? all : IntStream.of(pictures).map(i -> all[i]).toArray();
  }
}
