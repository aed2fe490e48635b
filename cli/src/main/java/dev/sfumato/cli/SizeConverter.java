package dev.sfumato.cli;

import dev.sfumato.picture.Size;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads sizes such as 1024x768: width, then height. */
final class SizeConverter implements ITypeConverter<Size> {
  private static final Pattern SIZE = Pattern.compile("([1-9]\\d{0,5})x([1-9]\\d{0,5})");

  @Override
  public Size convert(String text) {
    Matcher size = SIZE.matcher(text);
    if (!size.matches()) {
      throw new TypeConversionException(
          "'" + text + "' is not a size: give width and height, such as 1024x768");
    }
    return new Size(Integer.parseInt(size.group(2)), Integer.parseInt(size.group(1)));
  }
}
