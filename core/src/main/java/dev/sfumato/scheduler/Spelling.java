package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Constants as diffusers spells them in JSON: their names in lower case. */
final class Spelling {
  private Spelling() {}

  static String of(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  static <E extends Enum<E>> E parse(Class<E> type, String key, String text) {
    return Arrays.stream(type.getEnumConstants())
        .filter(constant -> of(constant).equals(text))
        .findFirst()
        .orElseThrow(
            () ->
                new SfumatoException(
                    key + " '" + text + "' is unknown: use one of " + allOf(type)));
  }

  private static String allOf(Class<? extends Enum<?>> type) {
    return Arrays.stream(type.getEnumConstants())
        .map(Spelling::of)
        .collect(Collectors.joining(", "));
  }
}
