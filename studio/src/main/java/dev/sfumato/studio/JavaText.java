package dev.sfumato.studio;

import dev.sfumato.tensor.Precision;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Writes a drawing as a Java program. */
final class JavaText {
  private static final List<String> IMPORTS =
      List.of(
          "dev.sfumato.evaluation.PictureClassifier",
          "dev.sfumato.guidance.GradientMode",
          "dev.sfumato.guidance.Guidance",
          "dev.sfumato.guidance.GuideSpec",
          "dev.sfumato.picture.Png",
          "dev.sfumato.pipeline.DiffusionPipeline",
          "dev.sfumato.pipeline.LoadingOptions",
          "dev.sfumato.sampling.PromptSyntax",
          "dev.sfumato.sampling.SamplingOptions",
          "dev.sfumato.sampling.TextOptions",
          "dev.sfumato.scheduler.RunOptions",
          "dev.sfumato.scheduler.SchedulerKind",
          "dev.sfumato.tensor.Device",
          "dev.sfumato.tensor.Precision",
          "java.awt.image.BufferedImage",
          "java.nio.file.Path",
          "java.util.List");

  private JavaText() {}

  /** Returns a program that writes {@code drawn-0.png}, {@code drawn-1.png}, ... */
  static String program(Drawing drawing, DrawingSettings settings, StudioOptions studio) {
    String precision =
        studio.precision() == Precision.FP32
            ? ""
            : "      pipeline.precision(Precision." + studio.precision().name() + ");\n";
    List<String> classifiers = settings.javaOfClassifiers();
    String body =
        String.format(
            Locale.ROOT,
            """
        class Draw {
          public static void main(String[] args) {
            try (DiffusionPipeline pipeline = DiffusionPipeline.load(%s)%s) {
              pipeline.to(Device.parse(%s));
        %s%s      SamplingOptions options = SamplingOptions.defaults()%s;
              List<BufferedImage> pictures = pipeline.draw(options);
              for (int i = 0; i < pictures.size(); i++) {
                Png.write(Path.of("drawn-" + i + ".png"), pictures.get(i));
              }
            }
          }
        }
        """,
            model(drawing, settings),
            IntStream.range(0, classifiers.size())
                .mapToObj(
                    i -> ";\n        PictureClassifier classifier" + i + " = " + classifiers.get(i))
                .collect(Collectors.joining()),
            of(studio.device()),
            precision,
            IntStream.range(0, classifiers.size())
                .mapToObj(i -> "      classifier" + i + ".to(pipeline.denoiser().device());\n")
                .collect(Collectors.joining()),
            calls("\n          ", settings.javaOfSampling()));
    return imports(body) + "\n" + body;
  }

  /** Returns the arguments that load the model. */
  private static String model(Drawing drawing, DrawingSettings settings) {
    List<String> calls = settings.javaOfLoading();
    if (calls.isEmpty()) {
      return of(drawing.model());
    }
    return "\n        "
        + of(drawing.model())
        + ",\n        LoadingOptions.DEFAULT"
        + calls("\n          ", calls);
  }

  private static String calls(String indent, List<String> calls) {
    return calls.stream().map(call -> indent + call).collect(Collectors.joining());
  }

  private static String imports(String body) {
    return IMPORTS.stream()
        .filter(name -> body.matches("(?s).*\\b" + name.replaceFirst(".*\\.", "") + "\\b.*"))
        .map(name -> "import " + name + ";\n")
        .collect(Collectors.joining());
  }

  /** Returns a text as a literal. */
  static String of(String text) {
    StringBuilder literal = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      switch (c) {
        case '"' -> literal.append("\\\"");
        case '\\' -> literal.append("\\\\");
        case '\n' -> literal.append("\\n");
        case '\r' -> literal.append("\\r"); // the compiler reads \\u000d as the end of a line
        default -> {
          if (c < ' ' || c > '~') {
            literal.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
          } else {
            literal.append(c);
          }
        }
      }
    }
    return literal.append('"').toString();
  }

  /** Returns the Java of a number, a constant, a path or a text. */
  static String of(Object value) {
    if (value instanceof Long number) {
      return number + (number == number.intValue() ? "" : "L");
    }
    if (value instanceof Enum<?> constant) {
      return constant.getDeclaringClass().getSimpleName() + "." + constant.name();
    }
    if (value instanceof Path path) {
      return "Path.of(" + of(path.toString()) + ")";
    }
    return value instanceof Number ? value.toString() : of(value.toString());
  }
}
