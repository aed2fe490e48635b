package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Constants as diffusers spells them in JSON: in lower case, with {@code ++} for "plus plus". */
final class Spelling {
  private Spelling() {}

  static String of(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace("_plus_plus", "++");
  }

  static <E extends Enum<E>> E parse(Class<E> type, String key, String text) {
    return Arrays.stream(type.getEnumConstants())
        .filter(constant -> constant.toString().equals(text))
        .findFirst()
        .orElseThrow(
            () ->
                new SfumatoException(
                    key + " '" + text + "' is unknown: use one of " + allOf(type)));
  }

  private static String allOf(Class<? extends Enum<?>> type) {
    return Arrays.stream(type.getEnumConstants())
        .map(Object::toString)
        .collect(Collectors.joining(", "));
  }
}
