package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.PictureReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Answers what the page needs to watch runs and to start them. */
final class WatchRoutes {
  /** The limit of an archive of pictures in bytes. */
  private static final long MAX_BYTES = 2L << 30;

  private final StudioOptions options;
  private final Folders folders;
  private final Jobs jobs;
  private final LoadedModel model;

  WatchRoutes(StudioOptions options, Folders folders, Jobs jobs, LoadedModel model) {
    this.options = options;
    this.folders = folders;
    this.jobs = jobs;
    this.model = model;
  }

  List<Routes.Route> all() {
    return List.of(
        Routes.Route.get("/api/runs", (request, path) -> runs()),
        Routes.Route.get(
            "/api/run", (request, path) -> Response.json(run(request.value("name")).all())),
        Routes.Route.get(
            "/api/run/sample",
            (request, path) ->
                Response.png(
                    PictureReader.bytes(run(request.value("name")).sample(request.value("step"))))),
        Routes.Route.post("/api/data", (request, path) -> keep(request)),
        Routes.Route.post("/api/trainings", (request, path) -> start(request.json(Fitting.class))),
        Routes.Route.post("/api/run/resume", (request, path) -> resume(request.value("name"))));
  }

  private Response runs() {
    return Response.json(folders.runs().stream().map(run -> new RunFacts(run).summary()).toList());
  }

  /** Returns a run in the studio's folders. */
  private RunFacts run(String name) {
    Path output = Path.of(folders.require(name));
    if (!Files.exists(output.resolve("metrics.csv"))) {
      throw new SfumatoException(name + ": there is no run");
    }
    return new RunFacts(output);
  }

  /**
   * Keeps an archive of pictures; it is opened, and refused if it is none, when it is used. It has
   * no ending, since its first bytes say what it is.
   */
  private Response keep(Request request) throws IOException {
    Path file = options.home().resolve("data").resolve(Gallery.newId());
    request.save(file, MAX_BYTES);
    return Response.json(Map.of("data", file.toString()));
  }

  private Response start(Fitting form) {
    Path output = folders.first().resolve("runs").resolve(form.name());
    if (Files.exists(output)) {
      throw new SfumatoException(output + ": there is such a run: choose another name");
    }
    return add(form, output, false);
  }

  private Response resume(String name) {
    Fitting form = run(name).form();
    if (form == null) {
      throw new SfumatoException(
          name + ": was not started here: resume it where it was, on the command line");
    }
    return add(form, Path.of(name), true);
  }

  private Response add(Fitting form, Path output, boolean resumes) {
    folders.require(form.model());
    folders.requireData(form.data());
    Job job =
        jobs.add(
            "training",
            output.getFileName().toString(),
            new FittingWork(form, output, resumes, options, model));
    return Response.json(Map.of("job", job.id(), "run", output.toString()));
  }
}
