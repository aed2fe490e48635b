package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.clip.ClipScores;
import dev.sfumato.tensor.Device;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Answers what the page needs to look at pictures: with CLIP, and at a data set. */
final class LookRoutes {
  private static final int MOST = 100;

  private final StudioOptions options;
  private final Folders folders;
  private final Uploads uploads;
  private final Jobs jobs;

  LookRoutes(StudioOptions options, Folders folders, Uploads uploads, Jobs jobs) {
    this.options = options;
    this.folders = folders;
    this.uploads = uploads;
    this.jobs = jobs;
  }

  /**
   * Pictures and texts to compare.
   *
   * @param clip the model that compares
   * @param pictures uploads
   * @param texts of any kind
   */
  record Comparison(String clip, List<String> pictures, List<String> texts) {
    Comparison {
      pictures = pictures == null ? List.of() : List.copyOf(pictures);
      texts = texts == null ? List.of() : List.copyOf(texts);
      if (pictures.isEmpty() || texts.isEmpty()) {
        throw new SfumatoException("give at least one picture and one text");
      }
      if (pictures.size() > MOST || texts.size() > MOST) {
        throw new SfumatoException("compare at most " + MOST + " pictures and texts");
      }
    }
  }

  List<Routes.Route> all() {
    return List.of(
        Routes.Route.post(
            "/api/scores", (request, path) -> compare(request.json(Comparison.class))),
        Routes.Route.post("/api/looks", (request, path) -> look(request.value("data"))));
  }

  private Response compare(Comparison asked) {
    folders.require(asked.clip());
    List<Path> files = asked.pictures().stream().map(uploads::file).toList();
    Job job =
        jobs.add(
            "scores",
            "pictures against texts",
            work -> {
              work.interruptible();
              Path model = LoadedClips.locate(asked.clip());
              work.message("comparing");
              try (ClipModel clip = ClipModel.load(model)) {
                requireWords(clip, asked.texts());
                clip.to(Device.parse(options.device()));
                ClipScores scores = ClipScores.of(clip, files, asked.texts());
                return Map.of(
                    "texts", asked.texts(),
                    "pictures", asked.pictures(),
                    "similarity", scores.similarity(),
                    "probability", scores.probability());
              }
            });
    return Response.json(Map.of("job", job.id()));
  }

  private static void requireWords(ClipModel clip, List<String> texts) {
    for (String text : texts) {
      if (clip.tokenizer().tokenize(text).isEmpty()) {
        throw new SfumatoException("the text '" + text + "' has no words to compare");
      }
    }
  }

  private Response look(String data) {
    folders.requireData(data);
    Job job = jobs.add("look", data, new LookWork(data));
    return Response.json(Map.of("job", job.id()));
  }
}
