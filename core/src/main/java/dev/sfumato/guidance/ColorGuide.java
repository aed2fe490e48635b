package dev.sfumato.guidance;

import dev.sfumato.NearNames;
import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Constant;
import dev.sfumato.tensor.Tensor;
import java.util.Locale;

/**
 * Steers towards one colour: the mean absolute difference between it and all pixels, in [-1, 1], as
 * in unit 2 of the Hugging Face diffusion models course. A gray picture is compared with each of
 * the three channels.
 *
 * @param red 0 to 1
 * @param green 0 to 1
 * @param blue 0 to 1
 */
public record ColorGuide(double red, double green, double blue) implements Guide {
  /**
   * @throws SfumatoException if a channel is out of range
   */
  public ColorGuide {
    for (double channel : new double[] {red, green, blue}) {
      if (!(channel >= 0 && channel <= 1)) {
        throw new SfumatoException(
            "a colour's channels must lie between 0 and 1, not at " + channel);
      }
    }
  }

  /**
   * Reads {@code #1ae680}, {@code 0.1,0.9,0.5} or a colour name of CSS, such as {@code green}.
   *
   * @throws SfumatoException for another text or a channel out of range
   */
  public static ColorGuide parse(String text) {
    String name = text.strip().toLowerCase(Locale.ROOT);
    String code = CssColors.hex(name).orElse(name);
    try {
      if (code.matches("#\\p{XDigit}{6}")) {
        int rgb = Integer.parseInt(code.substring(1), 16);
        return new ColorGuide((rgb >> 16) / 255.0, (rgb >> 8 & 0xff) / 255.0, (rgb & 0xff) / 255.0);
      }
      String[] channels = text.split(",", -1);
      if (channels.length == 3) {
        return new ColorGuide(
            Double.parseDouble(channels[0]),
            Double.parseDouble(channels[1]),
            Double.parseDouble(channels[2]));
      }
    } catch (NumberFormatException e) {
      // The error below covers it.
    }
    throw new SfumatoException(
        String.format(
            Locale.ROOT,
            "colour '%s' is neither like #1ae680 nor like 0.1,0.9,0.5 nor a name of CSS%s",
            text,
            NearNames.asked(name, CssColors.names())));
  }

  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    if (predictedX0.size(1) != 1 && predictedX0.size(1) != 3) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "colour guidance is for gray and RGB pictures, not for %d channels",
              predictedX0.size(1)));
    }
    float[] channels = {(float) red, (float) green, (float) blue};
    Tensor target = Constant.on(predictedX0.device(), channels, 1, 3, 1, 1).mul(2).sub(1);
    return predictedX0.sub(target).abs().mean();
  }
}
