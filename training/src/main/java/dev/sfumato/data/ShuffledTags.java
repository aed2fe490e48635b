package dev.sfumato.data;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Captions that are lists of tags, in a new order. */
final class ShuffledTags {
  private ShuffledTags() {}

  /**
   * Returns a caption with its tags in a new order, separated by a comma and a blank.
   *
   * @param kept the number of tags that stay at the beginning
   */
  static String of(String caption, int kept, SplittableRandom random) {
    List<String> tags =
        Stream.of(caption.split(","))
            .map(String::strip)
            .filter(tag -> !tag.isEmpty())
            .collect(Collectors.toCollection(ArrayList::new));
    for (int i = tags.size() - 1; i > kept; i--) { // Fisher and Yates
      int j = kept + random.nextInt(i - kept + 1);
      tags.set(j, tags.set(i, tags.get(j)));
    }
    return String.join(", ", tags);
  }
}
