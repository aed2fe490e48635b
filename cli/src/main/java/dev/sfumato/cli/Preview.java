package dev.sfumato.cli;

import dev.sfumato.model.PictureSpace;
import dev.sfumato.picture.PictureFile;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A small picture of what a sampling will give, replaced as it goes on.
 *
 * @param file the picture
 * @param space of the samples
 * @param grid arranges pictures
 */
record Preview(Path file, PictureSpace space, Function<Tensor, BufferedImage> grid) {
  private static final int TIMES = 10;

  /** Returns the file {@code NAME-preview.png} beside an output. */
  static Path beside(Path output) {
    String name = output.getFileName().toString().replaceFirst("(?<=.)\\.[^.]*$", "");
    return output.resolveSibling(name + "-preview.png");
  }

  /** Shows the clean samples that a step predicts, if it is one of ten. */
  void show(Step step, Supplier<Tensor> x0) {
    if (step.index() % Math.max(1, step.count() / TIMES) == 0) {
      try (Scope scope = Scope.open()) {
        Tensor pictures = space.preview(x0.get());
        if (pictures.isFinite()) { // the first guess of some schedulers is not
          write(pictures);
        }
      }
    }
  }

  /** Shows the result. */
  void finish(Tensor pictures) {
    try (Scope scope = Scope.open()) {
      write(PictureSpace.PIXELS.preview(pictures));
    }
  }

  private void write(Tensor pictures) {
    PictureFile.write(file, grid.apply(pictures));
  }
}
