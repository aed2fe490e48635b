package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.FileKind;
import dev.sfumato.evaluation.ClassifierCard;
import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.io.JsonFile;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.run.Method;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.training.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.stream.Collectors;

/** Answers what the page needs to draw. */
final class DrawRoutes {
  private static final System.Logger log = System.getLogger(DrawRoutes.class.getName());

  private final StudioOptions options;
  private final Folders folders;
  private final Jobs jobs;
  private final Uploads uploads;
  private final Gallery gallery;
  private final LoadedModel model;

  DrawRoutes(
      StudioOptions options, Folders folders, Uploads uploads, Jobs jobs, LoadedModel model) {
    this.options = options;
    this.folders = folders;
    this.jobs = jobs;
    this.uploads = uploads;
    this.gallery = new Gallery(options.home().resolve("gallery"));
    this.model = model;
  }

  List<Routes.Route> all() {
    return List.of(
        Routes.Route.get("/api/choices", (request, path) -> choices()),
        Routes.Route.get("/api/model", (request, path) -> model(request.value("name"))),
        Routes.Route.post("/api/drawings", (request, path) -> draw(request.json(Drawing.class))),
        Routes.Route.post("/api/text", (request, path) -> text(request.json(Drawing.class))),
        Routes.Route.get("/api/jobs", (request, path) -> Response.json(jobs.states())),
        Routes.Route.post("/api/jobs/(\\d{1,12})/stop", (request, path) -> stop(path)),
        Routes.Route.post("/api/pictures", (request, path) -> upload(request)),
        Routes.Route.get("/pictures/([0-9a-f]+)\\.png", (request, path) -> uploaded(path)),
        Routes.Route.get("/api/gallery", (request, path) -> Response.json(gallery.entries())),
        Routes.Route.delete("/api/gallery/([0-9a-f-]+)", (request, path) -> remove(path)),
        Routes.Route.get("/gallery/([0-9a-f-]+)/(\\d{1,4})\\.png", (r, path) -> drawn(path)));
  }

  private Response choices() {
    Map<String, Object> choices = new LinkedHashMap<>();
    choices.put("models", folders.models().stream().map(Path::toString).toList());
    choices.put("loras", files(FileKind.LORA));
    choices.put("words", files(FileKind.TEXTUAL_INVERSION));
    choices.put("classifiers", classifiers());
    choices.put("clips", folders.clips().stream().map(Path::toString).toList());
    choices.put(
        "schedulers", Arrays.stream(SchedulerKind.values()).map(SchedulerKind::toString).toList());
    double whole = TrainingOptions.fineTuning().learningRate().base();
    choices.put(
        "learning_rates",
        Arrays.stream(Method.Kind.values())
            .collect(Collectors.toMap(Method.Kind::toString, k -> k.usualLearningRate(whole))));
    return Response.json(choices);
  }

  /** Returns what can be chosen of the classifiers; the built-in one has no path. */
  private List<Map<String, Object>> classifiers() {
    List<Map<String, Object>> all = new ArrayList<>();
    try (PictureClassifier digits = PictureClassifier.digits()) {
      all.add(facts("", digits.card()));
    }
    for (Path folder : folders.classifiers()) {
      Path card = folder.resolve("classifier.json");
      try {
        all.add(facts(folder.toString(), JsonFile.read(card, ClassifierCard.class)));
      } catch (SfumatoException e) {
        log.log(System.Logger.Level.WARNING, e.getMessage()); // it is not offered
      }
    }
    return all;
  }

  private static Map<String, Object> facts(String path, ClassifierCard card) {
    return Map.of("path", path, "side", card.side(), "classes", card.classNames());
  }

  private List<String> files(FileKind kind) {
    return folders.files(kind).stream().map(Path::toString).toList();
  }

  /** Describes a model; one of the Hub that is not here becomes a job. */
  private Response model(String name) {
    folders.require(name);
    if (Files.exists(Path.of(name))) {
      return Response.json(ModelFacts.of(name, Path.of(name)));
    }
    Job job =
        jobs.add(
            "model",
            name,
            work -> {
              work.interruptible();
              Path files = DrawingWork.locate(name, work);
              return Map.of("facts", ModelFacts.of(name, files));
            });
    return Response.json(Map.of("job", job.id()));
  }

  private Response draw(Drawing drawing) {
    DrawingSettings settings = new DrawingSettings(drawing, folders, uploads, model);
    Job job =
        jobs.add("drawing", drawing.title(), new DrawingWork(drawing, settings, model, gallery));
    return Response.json(Map.of("job", job.id()));
  }

  private Response text(Drawing drawing) {
    DrawingSettings settings = new DrawingSettings(drawing, folders, uploads, model);
    return Response.json(
        Map.of(
            "command", CommandText.of(drawing, settings, options),
            "java", JavaText.program(drawing, settings, options)));
  }

  private Response stop(Matcher path) {
    jobs.job(Long.parseLong(path.group(1)))
        .orElseThrow(() -> new SfumatoException("there is no such job"))
        .stop();
    return Response.json(Map.of());
  }

  private Response upload(Request request) throws IOException {
    return Response.json(uploads.add(request.bytes(Uploads.MAX_BYTES)));
  }

  private Response uploaded(Matcher path) {
    return Response.png(PictureReader.bytes(uploads.file(path.group(1))));
  }

  private Response remove(Matcher path) {
    gallery.remove(path.group(1));
    return Response.json(Map.of());
  }

  private Response drawn(Matcher path) {
    return Response.png(
        PictureReader.bytes(gallery.file(path.group(1), Integer.parseInt(path.group(2)))));
  }
}
