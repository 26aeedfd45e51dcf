FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/ebbtide
ENV PATH=/opt/ebbtide/bin:$PATH
WORKDIR /src
# The locked libraries first: a change of the code alone does not fetch them again.
COPY requirements/base.txt requirements/
RUN pip install --require-hashes -r requirements/base.txt
COPY . .
RUN pip install --no-deps --no-build-isolation .

FROM python:3.11-slim
ENV PATH=/opt/ebbtide/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 10001 --create-home ebbtide
COPY --from=build /opt/ebbtide /opt/ebbtide
USER ebbtide
WORKDIR /home/ebbtide
# Health is asked by whoever runs it: a worker has a page, a learner has none.
ENTRYPOINT ["ebb"]
CMD ["--help"]
